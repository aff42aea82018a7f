---
entity_id: null
name: Usage by day
description: Units within and above the allowance, last 62 days with usage.
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
---
---body---
select
    usage_date,
    meter_id,
    quantity - overage_quantity as within_allowance,
    overage_quantity as overage
from marts.fct_overages_daily
where tenant_id = {{tenant}}
order by usage_date desc, meter_id
limit 310
