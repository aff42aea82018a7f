-- name: not_billed
-- Usage of these statements' days that is on none, and blocks none. Periods come as three arrays of one length.
select
    a.tenant_id,
    a.period_start,
    u.reason,
    u.item,
    u.unit,
    u.source,
    sum(u.quantity) as quantity,
    min(u.usage_date) as first_date,
    max(u.usage_date) as last_date
from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
inner join marts.fct_unbilled_usage as u
    on a.tenant_id = u.tenant_id and u.usage_date >= a.period_start and u.usage_date < a.period_end
where u.reason in ('paused', 'outside active dates', 'prototype')
group by a.tenant_id, a.period_start, u.reason, u.item, u.unit, u.source
order by a.tenant_id, a.period_start, u.reason, u.item, u.source;
