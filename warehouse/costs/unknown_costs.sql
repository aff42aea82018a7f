-- name: unknown_costs
-- Why costs of these statements' days are not known, by what would have to be known. Periods come as three arrays of one length.
-- asked: the sources that may say it. is_settled: each of them was read after the days for which it looks back, and did not, or there
-- is none; or it is of a source of calls that names no number all period long.
with costs as (
    select
        a.tenant_id,
        a.period_start,
        a.period_end,
        c.unknown_reason as reason,
        c.source,
        c.component,
        c.meter_id,
        c.provider_currency,
        c.currency,
        c.usage_date
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
    inner join marts.fct_costs_daily as c
        on a.tenant_id = c.tenant_id and c.usage_date >= a.period_start and c.usage_date < a.period_end
    where c.unknown_reason is not null
),

kinds as (
    select distinct
        source,
        component,
        reason
    from costs
    where reason in ('no_number', 'not_on_bill', 'pending')
),

-- Of a component of calls the bills that are declared for it, or of a carrier that bills call by call; of what is left of a bill
-- that bill, or the details of it.
asked as (
    select distinct
        k.source,
        k.component,
        k.reason,
        s.source as asked,
        s.look_back_days
    from kinds as k
    inner join control.sources as own on k.source = own.source
    inner join control.sources as s
        on
            case
                when k.reason = 'no_number' or (k.reason = 'not_on_bill' and own.contract = 'costs')
                    then s.source = k.source
                when own.contract = 'costs' then s.provider = own.provider and s.details_calls
                else
                    (own.components ->> k.component = 'telephony' and s.details_calls)
                    or exists (
                        select from control.cost_coverage as c
                        where c.source = k.source and c.component = k.component and c.cost_source = s.source
                    )
            end
),

days as (
    select
        c.*,
        coalesce(a.asked, '{}') as asked,
        c.reason in ('no_number', 'not_on_bill', 'pending') and (
            (
                c.reason = 'no_number' and c.component = 'call' and not exists (
                    select from marts.fct_calls as f
                    where
                        f.tenant_id = c.tenant_id and f.usage_date >= c.period_start and f.usage_date < c.period_end
                        and f.source = c.source and f.cost is not null
                )
            )
            or not exists (
                select from asked as b
                where
                    b.source = c.source and b.component = c.component and b.reason = c.reason
                    and not exists (
                        select from ledger.pulls as p
                        where
                            p.source = b.asked and p.account = 'platform' and p.usage_date = c.usage_date
                            and p.state in ('published', 'superseded', 'unchanged')
                            and (p.closed_at at time zone 'UTC')::date > p.usage_date + b.look_back_days
                    )
            )
        ) as is_settled
    from costs as c
    left join (
        select
            source,
            component,
            reason,
            array_agg(asked order by asked) as asked
        from asked
        group by source, component, reason
    ) as a
        on c.source = a.source and c.component = a.component and c.reason = a.reason
)

select
    tenant_id,
    period_start,
    reason,
    source,
    component,
    meter_id,
    provider_currency,
    currency,
    asked,
    is_settled,
    min(usage_date) as first_date,
    max(usage_date) as last_date
from days
group by
    tenant_id, period_start, reason, source, component, meter_id, provider_currency, currency, asked, is_settled
order by tenant_id, period_start, reason, first_date, component;

-- name: billed_elsewhere
-- Of the days on which a component has no amount although it was used, since no bill that is read here has it.
insert into ledger.acceptances (source, account, tenant_id, usage_date, doubt, subject, evidence, reason)
select distinct
    c.source,
    'platform',
    c.tenant_id,
    c.usage_date,
    'billed_elsewhere',
    c.component,
    c.unknown_reason,
    %(reason)s
from marts.fct_costs_daily as c
where
    c.tenant_id = %(tenant_id)s
    and c.component = %(component)s
    and c.usage_date >= %(first_day)s
    and c.usage_date <= %(last_day)s
    and c.unknown_reason in ('billed_as_0', 'no_number', 'not_on_bill', 'pending', 'no_quantity')
    and not exists (
        select from ledger.acceptances as a
        where
            a.source = c.source
            and a.tenant_id = c.tenant_id
            and a.usage_date = c.usage_date
            and a.doubt = 'billed_elsewhere'
            and a.subject = c.component
            and a.evidence = c.unknown_reason
    );

-- name: units_not_rated
-- Of what: charges of calls that their provider has not rated.
select distinct
    c.provider,
    c.quantity_unit
from marts.fct_call_charges as c
where
    c.tenant_id = %(tenant_id)s and c.bill_source = %(source)s and c.is_pending and c.quantity_unit is not null
    and c.call_date >= %(first_date)s and c.call_date <= %(last_date)s
order by c.quantity_unit;

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
-- The declaration, where no call of its days could be given a part of the bill by it.
select
    c.source,
    c.component,
    c.tenant_id,
    c.agent_id
from control.cost_coverage as c
where
    c.cost_source = %(source)s and c.component = %(component)s
    and (c.tenant_id is null or c.tenant_id = %(tenant_id)s) and c.valid_from <= %(last_date)s
    and not exists (
        select from marts.fct_call_shares as s
        where
            s.source = c.cost_source and s.account = 'platform' and s.component = c.component and s.quantity > 0
            and s.usage_date >= %(first_date)s and s.usage_date <= %(last_date)s
    )
order by c.valid_from desc
limit 1;
