---
entity_id: null
name: Used of the allowance
description: Units used in the present period, of those included.
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
    required: true
---
---body---
select distinct on (meter_id)
    meter_id,
    unit,
    cumulative_quantity as used,
    allowance as included,
    greatest(cumulative_quantity - allowance, 0) as over
from marts.fct_overages_daily
where tenant_id = {{tenant}}
order by meter_id, usage_date desc
