---
entity_id: null
name: Unattributed costs
description: What of the platform’s bills is no call’s and no tenant’s, by month.
type: question
display: table
database: Minutebook
parameters: []
visualization_settings: {}
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
    service,
    currency,
    sum(bill) as bill,
    sum(joined) as joined,
    sum(shared) as shared,
    sum(unattributed) as unattributed
from marts.fct_bill_attribution
where account = 'platform' and tenant_id is null
group by 1, 2, 3, 4
having sum(unattributed) <> 0
order by 1 desc, unattributed desc
