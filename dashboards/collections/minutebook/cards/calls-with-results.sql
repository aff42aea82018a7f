---
entity_id: null
name: Calls with results
description: The newest 500 calls with what came of each, as far as its tenant has it stored.
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
    c.created_at,
    c.tenant_id,
    c.agent_id,
    c.campaign_id,
    c.direction,
    c.outcome,
    c.end_group,
    c.connected_seconds,
    r.evaluation_state,
    r.rating,
    r.sentiment,
    c.cost,
    c.cost_currency,
    c.call_id
from marts.fct_calls as c
left join marts.fct_call_results as r
    on
        c.tenant_id = r.tenant_id
        and c.source = r.source
        and c.account = r.account
        and c.usage_date = r.usage_date
        and c.call_id = r.call_id
where
    c.tenant_id is not null
    [[and c.tenant_id = {{tenant}}]]
    [[and c.agent_id = {{agent}}]]
    [[and c.campaign_id = {{campaign}}]]
    [[and c.usage_date >= {{first_day}}]]
    [[and c.usage_date <= {{last_day}}]]
order by c.usage_date desc, c.created_at desc, c.call_id
limit 500
