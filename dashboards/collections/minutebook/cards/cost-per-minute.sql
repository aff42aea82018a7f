---
entity_id: null
name: Cost per minute
description: What a connected minute cost by month; empty while a cost of the month is unknown.
type: question
display: line
database: Minutebook
parameters: []
visualization_settings: 
  graph.dimensions:
  - month
  graph.metrics:
  - per_minute
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags: {}
---
---body---
with costs as (
    select
        date_trunc('month', usage_date::timestamp)::date as month,
        provider_currency as currency,
        case when count(amount) = count(*) then sum(provider_amount) end as cost
    from marts.fct_costs_daily
    where basis <> 'billed_elsewhere'
    group by 1, 2
),

minutes as (
    select
        date_trunc('month', usage_date::timestamp)::date as month,
        sum(connected_seconds) / 60 as minutes
    from marts.fct_call_days
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
