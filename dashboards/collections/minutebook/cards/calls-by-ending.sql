---
entity_id: null
name: Calls by how they ended
description: Calls of each day by how they ended, those that never connected included.
type: question
display: bar
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
  - customer_hung_up
  - assistant_ended
  - transferred
  - voicemail
  - no_answer
  - failed
  - other
  stackable.stack_type: stacked
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
    sum(customer_ended_calls) as customer_hung_up,
    sum(assistant_ended_calls) as assistant_ended,
    sum(transferred_calls) as transferred,
    sum(voicemail_calls) as voicemail,
    sum(unanswered_calls) as no_answer,
    sum(failed_calls) as failed,
    sum(
        calls - customer_ended_calls - assistant_ended_calls - transferred_calls - voicemail_calls - unanswered_calls
        - failed_calls
    ) as other
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
