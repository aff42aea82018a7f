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

-- name: billed_elsewhere
-- Of the days on which a component of the shared account is reported as 0 although it was used.
insert into ledger.acceptances (source, account, tenant_id, usage_date, doubt, subject, evidence, reason)
select distinct
    c.source,
    'platform',
    c.tenant_id,
    c.usage_date,
    'billed_as_0',
    concat_ws('/', c.tenant_id, c.component),
    'reported as 0',
    %(reason)s
from marts.fct_costs_daily as c
where
    c.tenant_id = %(tenant_id)s
    and c.component = %(component)s
    and c.usage_date >= %(first_day)s
    and c.usage_date <= %(last_day)s
    and c.unknown_reason = 'billed_as_0'
    and not exists (
        select from ledger.acceptances as a
        where
            a.source = c.source
            and a.account = 'platform'
            and a.usage_date = c.usage_date
            and a.doubt = 'billed_as_0'
            and a.subject = concat_ws('/', c.tenant_id, c.component)
    );
