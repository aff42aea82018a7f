---
entity_id: null
name: Overage by day
description: Units above the allowance over all tenants or of one, last 62 days or those chosen.
type: question
display: line
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
visualization_settings:
  graph.dimensions:
  - usage_date
  - meter_id
  graph.metrics:
  - overage
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
    meter_id,
    sum(overage_quantity) as overage
from marts.fct_overages_daily
where
    usage_date >= coalesce(
        [[{{first_day}}::date,]]
        (select as_of from marts.dim_build) - 62
    )
    [[and usage_date <= {{last_day}}]]
    [[and tenant_id = {{tenant}}]]
group by 1, 2
order by 1, 2
