---
entity_id: null
name: Margin by month
description: Revenue and cost by service period; a closed period's margin may still move.
type: question
display: bar
database: Minutebook
parameters: []
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
template_tags: {}
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
group by 1, 2
order by 1
