---
entity_id: null
name: Cost by provider
description: What each provider charged by month and component, as far as it is known; what tenants pay themselves is not in it.
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
  - provider
  graph.metrics:
  - known_amount
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
    date_trunc('month', usage_date::timestamp)::date as month,
    provider,
    component,
    provider_currency as currency,
    coalesce(sum(provider_amount), 0) as known_amount,
    count(*) filter (where amount is null) as unknown_costs
from marts.fct_costs_daily
where
    basis <> 'billed_elsewhere'
    [[and tenant_id = {{tenant}}]]
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
group by 1, 2, 3, 4
order by 1, known_amount desc
