---
entity_id: null
name: Statements this month
description: The statements of the periods that run today, or on the days chosen, each beside the tenant's period before.
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
  tenant:
    id: tenant
    name: tenant
    display-name: Tenant
    type: text
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
where
    o.period_end > coalesce(
        [[{{first_day}}::date,]]
        (now() at time zone 'utc')::date
    )
    and o.period_start <= coalesce(
        [[{{last_day}}::date,]]
        (now() at time zone 'utc')::date
    )
    [[and o.tenant_id = {{tenant}}]]
order by o.total desc
