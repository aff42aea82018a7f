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
