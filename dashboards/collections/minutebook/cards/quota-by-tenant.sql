---
entity_id: null
name: Quota by tenant
description: How much of its allowance each tenant has used in its present period, fullest first.
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
with latest as (
    select distinct on (tenant_id, meter_id) *
    from marts.fct_overages_daily
    order by tenant_id, meter_id, usage_date desc
)

select
    l.tenant_id,
    t.name,
    l.meter_id,
    l.cumulative_quantity as used,
    l.allowance,
    greatest(l.cumulative_quantity - l.allowance, 0) as overage,
    round(l.cumulative_quantity * 100.0 / nullif(l.allowance, 0), 1) as percent_used,
    l.usage_date as as_of
from latest as l
inner join marts.dim_tenants as t on l.tenant_id = t.tenant_id
order by percent_used desc nulls last
