---
entity_id: null
name: Used of the allowance
description: Units used in the period that runs today, of those included.
type: question
display: table
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
    required: true
---
---body---
with present as (
    select period_start
    from marts.fct_statements
    where tenant_id = {{tenant}} and period_start <= (now() at time zone 'utc')::date and period_end > (now() at time zone 'utc')::date
),

-- What a meter included last, and nothing used where its last day is of a period that is over.
latest as (
    select distinct on (o.meter_id)
        o.meter_id,
        o.unit,
        o.allowance as included,
        case when o.period_start = p.period_start then o.cumulative_quantity else 0 end as used
    from marts.fct_overages_daily as o
    cross join present as p
    where o.tenant_id = {{tenant}}
    order by o.meter_id asc, o.usage_date desc
)

select
    meter_id,
    unit,
    used,
    included,
    greatest(used - included, 0) as over
from latest
order by meter_id
