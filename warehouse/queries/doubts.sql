-- name: moved
-- What recurs of this whole period and of the whole one before: setup, adjustments and credits are meant to come and go.
select
    s.period_start,
    s.currency,
    s.subscription + s.overage + s.minimum as amount
from marts.fct_statements as s
inner join marts.dim_tenants as t on s.tenant_id = t.tenant_id
where
    s.tenant_id = %(tenant_id)s
    and s.period_start <= %(period_start)s
    and s.period_start >= t.activated_on
    and s.period_end < coalesce(t.closed_on, 'infinity')
order by s.period_start desc
limit 2;

-- name: totals_that_disagree
-- Vapi's cost is compared within a ten-thousandth per call: each call's cost is rounded there, its own sum is not.
select
    p.source,
    p.usage_date,
    told.name,
    counted.value as counted,
    told.value as provider_says
from ledger.pulls as p
cross join lateral jsonb_each_text(p.provider_totals) as told (name, value)
left join lateral jsonb_each_text(p.totals) as counted (name, value) on told.name = counted.name
where
    p.state = 'published'
    and p.provider_totals is not null
    and p.usage_date >= %(period_start)s
    and p.usage_date < %(period_end)s
    and exists (
        select 1 from control.tenant_sources as t
        where
            t.tenant_id = %(tenant_id)s
            and t.source = p.source
            and t.account = p.account
            and t.valid_from <= p.usage_date
            and p.usage_date < coalesce(t.valid_to, 'infinity')
    )
    and abs(told.value::numeric - coalesce(counted.value::numeric, 0))
    > case when told.name = 'cost' then 0.0001 * coalesce((p.totals ->> 'calls')::numeric, 0) else 0 end
order by p.usage_date, p.source, told.name;

-- name: calls_of_two_accounts
-- The first and the last call of the window, of each account the tenant is read from, looked up in every other account:
-- one Vapi organisation under two keys tells all its calls twice, so two probes find it, by index.
with own as (
    select distinct t.account
    from control.tenant_sources as t
    where
        t.tenant_id = %(tenant_id)s
        and t.source = 'vapi'
        and t.valid_from < %(period_end)s
        and coalesce(t.valid_to, 'infinity') > %(period_start)s
),

probes as (
    select p.account, p.usage_date, p.call_id
    from own as o
    cross join lateral (
        (
            select f.account, f.usage_date, f.call_id from marts.fct_calls as f
            where f.account = o.account and f.usage_date >= %(period_start)s and f.usage_date < %(period_end)s
            order by f.usage_date, f.call_id
            limit 1
        )
        union
        (
            select f.account, f.usage_date, f.call_id from marts.fct_calls as f
            where f.account = o.account and f.usage_date >= %(period_start)s and f.usage_date < %(period_end)s
            order by f.usage_date desc, f.call_id desc
            limit 1
        )
    ) as p
)

select
    p.account,
    others.account as other_account,
    min(p.usage_date) as usage_date,
    min(p.call_id) as call_id
from probes as p
inner join ledger.pulls as others
    on
        others.source = 'vapi'
        and others.state = 'published'
        and others.usage_date = p.usage_date
        and others.account <> p.account
inner join marts.fct_calls as f
    on f.account = others.account and f.usage_date = p.usage_date and f.call_id = p.call_id
group by p.account, others.account
order by p.account, others.account;
