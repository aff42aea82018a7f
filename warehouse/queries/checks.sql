-- name: no_usage_is_unattributed
select
    source,
    item,
    usage_date,
    quantity,
    cost
from marts.fct_unbilled_usage
where reason = 'unattributed'
order by usage_date desc, source, item;

-- name: no_usage_is_unpriced
select
    tenant_id,
    source,
    item,
    usage_date,
    quantity,
    reason
from marts.fct_unbilled_usage
where reason in ('unpriced', 'no meter', 'unknown type')
order by usage_date desc, tenant_id, source, item;

-- name: no_day_is_missing
select
    tenant_id,
    usage_date,
    source,
    status,
    cause
from marts.fct_tenant_day_status
where status in ('not pulled', 'failed')
order by usage_date desc, tenant_id, source;

-- name: provider_total_agrees
-- Vapi's cost is compared within a ten-thousandth per call: each call's cost is rounded there, its own sum is not.
select
    pulls.source,
    pulls.account,
    pulls.usage_date,
    pulls.pull_id,
    told.name,
    counted.value as counted,
    told.value as provider_says
from ledger.pulls as pulls
cross join jsonb_each_text(pulls.provider_totals) as told (name, value)
left join lateral jsonb_each_text(pulls.totals) as counted (name, value) on told.name = counted.name
where
    pulls.state = 'published'
    and pulls.source = %(source)s
    and pulls.provider_totals is not null
    and abs(told.value::numeric - coalesce(counted.value::numeric, 0))
    > case when told.name = 'cost' then 0.0001 * coalesce((pulls.totals ->> 'calls')::numeric, 0) else 0 end
order by pulls.usage_date desc, pulls.account, told.name;
