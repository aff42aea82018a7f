---
entity_id: null
name: Unbilled usage
description: 'Usage that is on no statement, and why: money lost unless somebody resolves it.'
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
    reason,
    is_blocking,
    source,
    item,
    count(distinct tenant_id) as tenants,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    sum(quantity) as quantity,
    sum(cost) as cost_usd
from marts.fct_unbilled_usage
where
    true
    [[and tenant_id = {{tenant}}]]
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
group by 1, 2, 3, 4
order by is_blocking desc, cost_usd desc nulls last
