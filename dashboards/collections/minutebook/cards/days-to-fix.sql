---
entity_id: null
name: Days to fix
description: Tenant-days that failed, were not pulled or are incomplete, newest first, with the cause.
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
    usage_date,
    tenant_id,
    source,
    account,
    status,
    cause_code,
    cause
from marts.fct_tenant_day_status
where
    status in ('failed', 'not pulled', 'incomplete')
    [[and tenant_id = {{tenant}}]]
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
order by usage_date desc, tenant_id, source
limit 500
