---
entity_id: null
name: Statements
description: The total of each period.
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
    period_end,
    currency,
    total,
    period_state
from marts.fct_statements
where tenant_id = {{tenant}}
order by period_start desc
