---
entity_id: null
name: Margin by month
description: Revenue and cost by service period; a closed period's margin may still move.
type: question
display: bar
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
  - month
  graph.metrics:
  - revenue
  - cost
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
    date_trunc('month', period_start)::date as month,
    currency,
    sum(revenue) as revenue,
    case when count(cost) = count(*) then sum(cost) end as cost,
    sum(revenue - cost_reported - cost_estimated - cost_allocated) as margin_of_what_is_known,
    case when count(margin) = count(*) then round(sum(margin) * 100 / nullif(sum(revenue), 0), 2) end as margin_percent
from marts.fct_margin_monthly
where
    true
    [[and tenant_id = {{tenant}}]]
    [[and period_end > {{first_day}}]]
    [[and period_start <= {{last_day}}]]
group by 1, 2
order by 1
