---
entity_id: null
name: Cost by component
description: What was spent in the last 31 days, or in the days chosen, by component and by how well it is known.
type: question
display: row
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
  - component
  - basis
  graph.metrics:
  - amount
  stackable.stack_type: stacked
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
    component,
    basis,
    currency,
    sum(amount) as amount
from marts.fct_costs_daily
where
    basis <> 'billed_elsewhere'
    and usage_date >= coalesce(
        [[{{first_day}}::date,]]
        (select as_of from marts.dim_build) - 31
    )
    [[and usage_date <= {{last_day}}]]
    [[and tenant_id = {{tenant}}]]
group by 1, 2, 3
order by amount desc nulls last
