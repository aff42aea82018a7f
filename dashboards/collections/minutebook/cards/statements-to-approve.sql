---
entity_id: null
name: Statements to approve
description: Periods that have ended and are not approved.
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
select count(*) as statements
from marts.fct_statements
where
    period_state in ('open', 'in_review')
    and period_end <= (now() at time zone 'utc')::date
    [[and tenant_id = {{tenant}}]]
    [[and period_end > {{first_day}}]]
    [[and period_start <= {{last_day}}]]
