---
entity_id: null
name: Cost by provider
description: What each provider charged by month and component, as far as it is known; what tenants pay themselves is not in it.
type: question
display: bar
database: Minutebook
parameters: []
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
template_tags: {}
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
where basis <> 'billed_elsewhere'
group by 1, 2, 3, 4
order by 1, known_amount desc
