---
entity_id: null
name: Cost per minute
description: What a connected minute cost by month; empty while a cost of the month is unknown.
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
  - month
  graph.metrics:
  - per_minute
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
with costs as (
    select
        date_trunc('month', usage_date::timestamp)::date as month,
        provider_currency as currency,
        case when count(amount) = count(*) then sum(provider_amount) end as cost
    from marts.fct_costs_daily
    where
        basis <> 'billed_elsewhere'
        [[and tenant_id = {{tenant}}]]
        [[and usage_date >= {{first_day}}]]
        [[and usage_date <= {{last_day}}]]
    group by 1, 2
),

minutes as (
    select
        date_trunc('month', usage_date::timestamp)::date as month,
        sum(connected_seconds) / 60 as minutes
    from marts.fct_call_days
    where
        true
        [[and tenant_id = {{tenant}}]]
        [[and usage_date >= {{first_day}}]]
        [[and usage_date <= {{last_day}}]]
    group by 1
)

select
    costs.month,
    costs.currency,
    costs.cost,
    minutes.minutes,
    round(costs.cost / nullif(minutes.minutes, 0), 4) as per_minute
from costs
left join minutes on costs.month = minutes.month
order by 1, 2
