---
entity_id: null
name: Billed by month
description: Subscription, overage and adjustments of each month in which periods start.
type: question
display: bar
database: Minutebook
parameters: []
visualization_settings:
  graph.dimensions:
  - month
  graph.metrics:
  - fees
  - overage
  - adjustments_and_credits
  stackable.stack_type: stacked
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
    sum(setup + subscription + minimum) as fees,
    sum(overage) as overage,
    sum(adjustments - credits) as adjustments_and_credits
from marts.fct_statements
group by 1, 2
order by 1
