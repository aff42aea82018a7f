---
entity_id: null
name: Margin by tenant
description: The newest period that has ended, of the days chosen, thinnest margin first, with how completely its cost is known.
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
        where
            n.tenant_id = m.tenant_id
            and n.period_end <= (now() at time zone 'utc')::date
            [[and n.period_end > {{first_day}}]]
            [[and n.period_start <= {{last_day}}]]
    )
    [[and m.tenant_id = {{tenant}}]]
order by m.margin_percent nulls last, m.tenant_id
