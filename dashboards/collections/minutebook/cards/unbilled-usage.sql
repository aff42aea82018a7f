---
entity_id: null
name: Unbilled usage
description: 'Usage that is on no statement, and why: money lost unless somebody resolves it.'
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
    reason,
    is_blocking,
    source,
    item,
    count(distinct tenant_id) as tenants,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    sum(quantity) as quantity,
    sum(cost) as cost_usd
from marts.fct_unbilled_usage
group by 1, 2, 3, 4
order by is_blocking desc, cost_usd desc nulls last
