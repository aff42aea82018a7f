---
entity_id: null
name: Quota by tenant
description: How much of its allowance each tenant has used in the period that runs today, fullest first.
type: question
display: row
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
visualization_settings:
  graph.dimensions:
  - name
  - meter_id
  graph.metrics:
  - percent_used
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
with present as (
    select
        s.tenant_id,
        s.period_start
    from marts.fct_statements as s
    where s.period_start <= (now() at time zone 'utc')::date and s.period_end > (now() at time zone 'utc')::date
),

-- What a meter included last, and nothing used where its last day is of a period that is over.
latest as (
    select distinct on (o.tenant_id, o.meter_id)
        o.tenant_id,
        o.meter_id,
        o.allowance,
        p.period_start,
        case when o.period_start = p.period_start then o.cumulative_quantity else 0 end as used
    from marts.fct_overages_daily as o
    inner join present as p on o.tenant_id = p.tenant_id
    order by o.tenant_id asc, o.meter_id asc, o.usage_date desc
)

select
    l.tenant_id,
    t.name,
    l.meter_id,
    l.period_start,
    l.used,
    l.allowance,
    greatest(l.used - l.allowance, 0) as overage,
    round(l.used * 100.0 / nullif(l.allowance, 0), 1) as percent_used
from latest as l
inner join marts.dim_tenants as t on l.tenant_id = t.tenant_id
where
    true
    [[and l.tenant_id = {{tenant}}]]
order by percent_used desc nulls last
