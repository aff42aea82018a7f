---
entity_id: null
name: Cost by component
description: What was spent in the last 31 days, by component and by how well it is known.
type: question
display: row
database: Minutebook
parameters: []
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
template_tags: {}
---
---body---
select
    component,
    basis,
    currency,
    sum(amount) as amount
from marts.fct_costs_daily
where usage_date >= (select as_of from marts.dim_build) - 31 and basis <> 'billed_elsewhere'
group by 1, 2, 3
order by amount desc nulls last
