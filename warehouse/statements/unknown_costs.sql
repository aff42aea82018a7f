-- name: unknown_costs
-- Why costs of these statements' days are not known, by what would have to be known. Periods come as three arrays of one length.
select
    a.tenant_id,
    a.period_start,
    c.unknown_reason as reason,
    c.source,
    c.component,
    c.meter_id,
    c.provider_currency,
    c.currency,
    min(c.usage_date) as first_date,
    max(c.usage_date) as last_date
from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
inner join marts.fct_costs_daily as c
    on a.tenant_id = c.tenant_id and c.usage_date >= a.period_start and c.usage_date < a.period_end
where c.unknown_reason is not null
group by
    a.tenant_id, a.period_start, c.unknown_reason, c.source, c.component, c.meter_id, c.provider_currency, c.currency
order by a.tenant_id, a.period_start, c.unknown_reason, first_date, c.component;
