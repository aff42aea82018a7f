---
entity_id: null
name: Statements this month
description: Every statement of the newest month beside the tenant's period before.
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
with ordered as (
    select
        *,
        lag(total) over (partition by tenant_id order by period_start) as former_total
    from marts.fct_statements
)

select
    o.tenant_id,
    t.name,
    o.period_start,
    o.period_end,
    o.period_state,
    o.currency,
    o.total,
    o.former_total,
    round((o.total - o.former_total) * 100 / nullif(o.former_total, 0), 1) as change_percent,
    o.is_complete
from ordered as o
inner join marts.dim_tenants as t on o.tenant_id = t.tenant_id
where o.period_start >= date_trunc('month', (select as_of from marts.dim_build))
order by o.total desc
