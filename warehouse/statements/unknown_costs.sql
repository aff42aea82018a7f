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

-- name: bills_behind
-- The sources whose bills may have a component of calls: declared for it, or of a carrier that bills call by call; of a bill's source
-- those of its provider.
select distinct s.source
from control.sources as s
left join control.cost_coverage as c
    on s.source = c.cost_source and c.source = %(source)s and c.component = %(component)s
left join control.sources as asked on asked.source = %(source)s
where
    s.contract = 'costs'
    and (
        c.source is not null
        or (asked.contract = 'costs' and asked.provider = s.provider and s.details_calls)
        or (asked.contract = 'calls' and asked.components ->> %(component)s = 'telephony' and s.details_calls)
    )
order by s.source;

-- name: units_without_money
select distinct
    b.provider,
    b.quantity_unit
from marts.fct_bill_days as b
where
    b.source = %(source)s and b.cost is null and b.quantity_unit is not null
    and b.usage_date >= %(first_date)s and b.usage_date <= %(last_date)s
order by b.quantity_unit;

-- name: declared
select
    c.source,
    c.component,
    c.tenant_id,
    c.agent_id
from control.cost_coverage as c
where
    c.cost_source = %(source)s and c.component = %(component)s
    and (c.tenant_id is null or c.tenant_id = %(tenant_id)s) and c.valid_from <= %(last_date)s
order by c.valid_from desc
limit 1;
