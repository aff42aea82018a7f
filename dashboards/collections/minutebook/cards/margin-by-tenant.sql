---
entity_id: null
name: Margin by tenant
description: The newest period that has ended, thinnest margin first, with how completely its cost is known.
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
select distinct on (m.margin_percent, m.tenant_id)
    m.tenant_id,
    t.name,
    m.period_start,
    m.currency,
    m.revenue,
    m.cost,
    m.cost_estimated,
    m.margin,
    m.margin_percent,
    m.completeness
from marts.fct_margin_monthly as m
inner join marts.dim_tenants as t on m.tenant_id = t.tenant_id
where
    m.period_start = (
        select max(n.period_start) from marts.fct_margin_monthly as n
        where n.tenant_id = m.tenant_id and n.period_end <= (select as_of from marts.dim_build)
    )
order by m.margin_percent nulls last, m.tenant_id
