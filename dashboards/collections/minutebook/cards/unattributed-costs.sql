---
entity_id: null
name: Unattributed costs
description: What of the platform’s bills is no call’s and no tenant’s, by month.
type: question
display: table
database: Minutebook
parameters:
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
visualization_settings: {}
enable_embedding: false
embedding_params: null
cache_ttl: null
archived: false
template_tags:
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
    date_trunc('month', usage_date::timestamp)::date as month,
    provider,
    service,
    currency,
    sum(bill) as bill,
    sum(joined) as joined,
    sum(shared) as shared,
    sum(unattributed) as unattributed
from marts.fct_bill_attribution
where
    account = 'platform'
    and tenant_id is null
    [[and usage_date >= {{first_day}}]]
    [[and usage_date <= {{last_day}}]]
group by 1, 2, 3, 4
having sum(unattributed) <> 0
order by 1 desc, unattributed desc
