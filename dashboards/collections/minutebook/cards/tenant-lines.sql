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
    [[and service_period_end > {{first_day}}]]
    [[and service_period_start <= {{last_day}}]]
order by period_start desc, line_kind, meter_id
limit 500
