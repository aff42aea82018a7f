---
entity_id: null
name: Unknown costs
description: Usage whose cost nobody knows, and what is missing.
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
    tenant_id,
    source,
    component,
    unknown_reason,
    min(usage_date) as first_day,
    max(usage_date) as last_day,
    count(*) as days
from marts.fct_costs_daily
where unknown_reason is not null
group by 1, 2, 3, 4
order by days desc
