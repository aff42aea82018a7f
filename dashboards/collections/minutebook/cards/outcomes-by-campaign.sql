---
entity_id: null
name: Outcomes by campaign
description: The same by campaign; calls of no campaign stand in a row without one.
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
    tenant_id,
    campaign_id,
    (
        select campaigns.name from marts.dim_campaigns as campaigns
        where
            campaigns.tenant_id = daily.tenant_id
            and campaigns.campaign_id = daily.campaign_id
            and campaigns.name is not null
        limit 1
    ) as campaign,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    sum(calls) as calls,
    sum(connected_calls) as connected,
    round(100 * sum(transferred_calls) / nullif(sum(connected_calls), 0), 1) as transferred_percent,
    round(100 * sum(successful_calls) / nullif(sum(judged_calls), 0), 1) as successful_percent,
    sum(judged_calls) as judged,
    round(sum(rating_sum) / nullif(sum(rated_calls), 0), 2) as rating,
    case when count(cost) = count(*) and count(distinct cost_currency) = 1 then min(cost_currency) end as currency,
    case
        when count(cost) = count(*) and count(distinct cost_currency) = 1
            then round(sum(cost) / nullif(sum(successful_calls), 0), 4)
    end as cost_per_success
from marts.fct_call_outcomes_daily as daily
where
    true
    [[and tenant_id = {{tenant}}]]
    [[and agent_id = {{agent}}]]
    [[and campaign_id = {{campaign}}]]
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
group by 1, 2
order by calls desc, 1, 2
