---
entity_id: null
name: Lines
description: The lines of each statement.
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
select
    period_start,
    line_kind,
    meter_id,
    quantity,
    unit,
    amount,
    currency,
    service_period_start,
    service_period_end
from marts.fct_statement_lines
where tenant_id = {{tenant}}
order by period_start desc, line_kind, meter_id
limit 500
