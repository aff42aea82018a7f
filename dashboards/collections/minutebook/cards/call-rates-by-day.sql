---
entity_id: null
name: Success and transfer by day
description: Of each day's calls that a rubric reads, how many succeeded; of those that connected, how many were handed on. Percent; empty where there is none to count.
type: question
display: line
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
visualization_settings:
  graph.dimensions:
  - usage_date
  graph.metrics:
  - successful_percent
  - transferred_percent
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
    usage_date,
    round(100 * sum(successful_calls) / nullif(sum(judged_calls), 0), 1) as successful_percent,
    round(100 * sum(transferred_calls) / nullif(sum(connected_calls), 0), 1) as transferred_percent
from marts.fct_call_outcomes_daily
where
    true
    [[and tenant_id = {{tenant}}]]
    [[and agent_id = {{agent}}]]
    [[and campaign_id = {{campaign}}]]
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
group by 1
order by 1
