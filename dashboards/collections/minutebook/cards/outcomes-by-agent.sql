---
entity_id: null
name: Outcomes by agent
description: Calls of each agent, how many were handed on and succeeded, their rating, and what a successful call cost at the voice provider; empty while a cost is unknown.
type: question
display: table
database: Minutebook
parameters:
- id: tenant
  type: category
  target:
  - variable
  - - template-tag
    - tenant
  name: Tenant
  slug: tenant
- id: agent
  type: category
  target:
  - variable
  - - template-tag
    - agent
  name: Agent
  slug: agent
- id: campaign
  type: category
  target:
  - variable
  - - template-tag
    - campaign
  name: Campaign
  slug: campaign
- id: first_day
  type: date/single
  target:
  - variable
  - - template-tag
    - first_day
  name: From
  slug: first_day
- id: last_day
  type: date/single
  target:
  - variable
  - - template-tag
    - last_day
  name: Up to
  slug: last_day
visualization_settings: {}
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags:
  tenant:
    id: tenant
    name: tenant
    display-name: Tenant
    type: text
  agent:
    id: agent
    name: agent
    display-name: Agent
    type: text
  campaign:
    id: campaign
    name: campaign
    display-name: Campaign
    type: text
  first_day:
    id: first_day
    name: first_day
    display-name: From
    type: date
  last_day:
    id: last_day
    name: last_day
    display-name: Up to
    type: date
---
---body---
select
    o.tenant_id,
    o.agent_id,
    a.name as agent,
    sum(o.calls) as calls,
    sum(o.connected_calls) as connected,
    round(100 * sum(o.transferred_calls) / nullif(sum(o.connected_calls), 0), 1) as transferred_percent,
    round(100 * sum(o.successful_calls) / nullif(sum(o.judged_calls), 0), 1) as successful_percent,
    sum(o.judged_calls) as judged,
    round(sum(o.rating_sum) / nullif(sum(o.rated_calls), 0), 2) as rating,
    case when count(o.cost) = count(*) and count(distinct o.cost_currency) = 1 then min(o.cost_currency) end as currency,
    case
        when count(o.cost) = count(*) and count(distinct o.cost_currency) = 1
            then round(sum(o.cost) / nullif(sum(o.successful_calls), 0), 4)
    end as cost_per_success
from marts.fct_call_outcomes_daily as o
left join marts.dim_agents as a on o.agent_id = a.agent_id
where
    true
    [[and o.tenant_id = {{tenant}}]]
    [[and o.agent_id = {{agent}}]]
    [[and o.campaign_id = {{campaign}}]]
    [[and o.usage_date >= {{first_day}}]]
    [[and o.usage_date <= {{last_day}}]]
group by 1, 2, 3
order by calls desc, 1, 2
