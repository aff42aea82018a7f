---
entity_id: null
name: Billed by month
description: Subscription, overage and adjustments of each month in which periods start.
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
  graph.metrics:
  - fees
  - overage
  - adjustments_and_credits
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
    date_trunc('month', period_start)::date as month,
    currency,
    sum(setup + subscription + minimum) as fees,
    sum(overage) as overage,
    sum(adjustments - credits) as adjustments_and_credits
from marts.fct_statements
where
    true
    [[and tenant_id = {{tenant}}]]
    [[and period_end > {{first_day}}]]
    [[and period_start <= {{last_day}}]]
group by 1, 2
order by 1
