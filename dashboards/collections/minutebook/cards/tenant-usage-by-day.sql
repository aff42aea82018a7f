---
entity_id: null
name: Usage by day
description: Units within and above the allowance, last 62 days with usage, of those chosen.
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
  - within_allowance
  - overage
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
    required: true
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
    meter_id,
    quantity - overage_quantity as within_allowance,
    overage_quantity as overage
from marts.fct_overages_daily
where tenant_id = {{tenant}}
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
order by usage_date desc, meter_id
limit 310
