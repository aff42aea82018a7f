---
entity_id: null
name: Adjustments
description: Corrections of approved periods, each with the line it corrects.
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
    period_start as carried_by,
    service_period_start,
    service_period_end,
    meter_id,
    quantity,
    amount,
    currency,
    corrects_line_id
from marts.fct_statement_lines
where
    line_kind = 'adjustment'
    [[and tenant_id = {{tenant}}]]
    [[and service_period_end > {{first_day}}]]
    [[and service_period_start <= {{last_day}}]]
order by period_start desc, abs(amount) desc
