---
entity_id: null
name: Billed so far
description: The totals so far of the periods that run today, by currency.
type: question
display: scalar
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
visualization_settings: {}
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
---
---body---
select sum(total) as billed, currency
from marts.fct_statements
where
    period_start <= (now() at time zone 'utc')::date
    and period_end > (now() at time zone 'utc')::date
    [[and tenant_id = {{tenant}}]]
group by currency
order by billed desc
