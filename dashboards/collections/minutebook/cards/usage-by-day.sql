---
entity_id: null
name: Usage by day
description: Units of each meter over all tenants, last 62 days.
type: question
display: bar
database: Minutebook
parameters: []
visualization_settings:
  graph.dimensions:
  - usage_date
  - meter_id
  graph.metrics:
  - quantity
  stackable.stack_type: stacked
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags: {}
---
---body---
select
    usage_date,
    meter_id,
    sum(quantity) as quantity
from marts.fct_usage_daily
where usage_date >= (select as_of from marts.dim_build) - 62
group by 1, 2
order by 1, 2
