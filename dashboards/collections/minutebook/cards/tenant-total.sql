---
entity_id: null
name: Total of the present period
description: The total so far of the period that runs today.
type: question
display: scalar
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
select total, currency
from marts.fct_statements
where tenant_id = {{tenant}} and period_start <= (now() at time zone 'utc')::date and period_end > (now() at time zone 'utc')::date
