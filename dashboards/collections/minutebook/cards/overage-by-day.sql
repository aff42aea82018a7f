---
entity_id: null
name: Overage by day
description: Units above the allowance over all tenants, last 62 days.
type: question
display: line
database: Minutebook
parameters: []
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
template_tags: {}
---
---body---
select
    usage_date,
    meter_id,
    sum(overage_quantity) as overage
from marts.fct_overages_daily
where usage_date >= (select as_of from marts.dim_build) - 62
group by 1, 2
order by 1, 2
