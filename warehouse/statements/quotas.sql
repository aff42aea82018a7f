-- name: lock
-- Two looks at once would both see a crossing nobody has recorded yet.
select pg_catalog.pg_advisory_xact_lock({lock_quotas}, 0);

-- name: put_limit
with former as (
    select tenant_id from control.spend_limits where tenant_id = %(tenant_id)s and valid_from = %(valid_from)s
),

written as (
    insert into control.spend_limits as l (tenant_id, valid_from, amount)
    values (%(tenant_id)s, %(valid_from)s, %(amount)s)
    on conflict (tenant_id, valid_from) do update set amount = excluded.amount
    where l.amount is distinct from excluded.amount
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    (
        select min(valid_from) from control.spend_limits
        where tenant_id = %(tenant_id)s and valid_from > %(valid_from)s
    ) as next_from;

-- name: spend_limits
with versions as (
    select
        tenant_id,
        valid_from,
        lead(valid_from) over (partition by tenant_id order by valid_from) as valid_to,
        amount
    from control.spend_limits
)

select
    v.tenant_id,
    v.valid_from,
    v.valid_to,
    v.amount,
    t.currency,
    coalesce(t.feature_flags -> 'quota_alerts' = 'true', false) as alerts
from versions as v
inner join control.tenants as t on v.tenant_id = t.tenant_id
where
    v.amount is not null
    and v.valid_from <= %(on)s
    and coalesce(v.valid_to > %(on)s, true)
    and (%(tenant_id)s::text is null or v.tenant_id = %(tenant_id)s)
order by v.tenant_id;

-- name: record
-- What is used of every quota of the running periods, against what was recorded of each threshold last. Level-triggered: run
-- again it adds nothing, and a missed look is made up by the next.
with running as (
    select
        s.tenant_id,
        s.period_start,
        s.period_end,
        s.currency,
        s.total
    from marts.fct_statements as s
    inner join control.tenants as t on s.tenant_id = t.tenant_id
    where
        s.period_start <= %(today)s
        and s.period_end > %(today)s
        and t.feature_flags -> 'quota_alerts' = 'true'
),

allowances as (
    select
        r.tenant_id,
        r.period_start,
        o.meter_id as quota,
        max(o.cumulative_quantity)::numeric as used,
        max(o.allowance)::numeric as allowed,
        max(o.unit) as unit
    from running as r
    inner join marts.fct_overages_daily as o on r.tenant_id = o.tenant_id and r.period_start = o.period_start
    where o.allowance > 0
    group by r.tenant_id, r.period_start, o.meter_id
),

limits as (
    select distinct on (l.tenant_id)
        l.tenant_id,
        l.amount
    from control.spend_limits as l
    where l.valid_from <= %(today)s
    order by l.tenant_id asc, l.valid_from desc
),

quotas as (
    select * from allowances
    union all
    select
        r.tenant_id,
        r.period_start,
        'spend',
        r.total,
        l.amount,
        r.currency
    from running as r
    inner join limits as l on r.tenant_id = l.tenant_id
    where l.amount is not null
),

latest as (
    select distinct on (a.tenant_id, a.period_start, a.quota, a.threshold)
        a.tenant_id,
        a.period_start,
        a.quota,
        a.threshold,
        a.event,
        a.allowed,
        a.unit
    from ledger.quota_alerts as a
    inner join running as r on a.tenant_id = r.tenant_id and a.period_start = r.period_start
    order by a.tenant_id asc, a.period_start asc, a.quota asc, a.threshold asc, a.alert_id desc
),

shared as (
    select
        quotas.tenant_id,
        quotas.period_start,
        quotas.quota,
        quotas.used,
        quotas.allowed,
        quotas.unit,
        shares.threshold
    from quotas
    cross join unnest(array[50, 80, 100]) as shares (threshold)
),

-- A quota that was recorded and has gone since (all its usage restated away, its limit ended) is used by nothing.
levels as (
    select
        coalesce(q.tenant_id, l.tenant_id) as tenant_id,
        coalesce(q.period_start, l.period_start) as period_start,
        coalesce(q.quota, l.quota) as quota,
        coalesce(q.threshold, l.threshold) as threshold,
        coalesce(q.used, 0) as used,
        coalesce(q.allowed, l.allowed) as allowed,
        coalesce(q.unit, l.unit) as unit,
        l.event as last_event
    from shared as q
    full join latest as l
        on
            q.tenant_id = l.tenant_id
            and q.period_start = l.period_start
            and q.quota = l.quota
            and q.threshold = l.threshold
),

events as (
    select
        *,
        case
            when used * 100 >= allowed * threshold and coalesce(last_event, '') <> 'crossed' then 'crossed'
            when used * 100 < allowed * threshold and last_event = 'crossed' then 'recovered'
        end as event
    from levels
)

insert into ledger.quota_alerts (tenant_id, period_start, quota, threshold, event, used, allowed, unit)
select
    tenant_id,
    period_start,
    quota,
    threshold,
    event,
    used,
    allowed,
    unit
from events
where event is not null
order by tenant_id, quota, threshold
returning alert_id;

-- name: asking
-- Who is told of quotas, with the spend limit in force.
select
    t.tenant_id,
    l.amount as spend_limit
from control.tenants as t
left join lateral (
    select v.amount from control.spend_limits as v
    where v.tenant_id = t.tenant_id and v.valid_from <= %(today)s
    order by v.valid_from desc
    limit 1
) as l on true
where t.feature_flags -> 'quota_alerts' = 'true'
order by t.tenant_id;

-- name: crossed
-- The highest share that each quota of a running period has reached, as it was recorded last.
with latest as (
    select distinct on (a.tenant_id, a.period_start, a.quota, a.threshold) a.*
    from ledger.quota_alerts as a
    inner join marts.fct_statements as s
        on a.tenant_id = s.tenant_id and a.period_start = s.period_start and s.period_end > %(today)s
    order by a.tenant_id asc, a.period_start asc, a.quota asc, a.threshold asc, a.alert_id desc
)

select distinct on (l.tenant_id, l.period_start, l.quota)
    l.tenant_id,
    l.period_start,
    l.quota,
    l.threshold,
    l.used,
    l.allowed,
    l.unit
from latest as l
inner join control.tenants as t on l.tenant_id = t.tenant_id
where l.event = 'crossed' and t.feature_flags -> 'quota_alerts' = 'true'
order by l.tenant_id, l.period_start, l.quota, l.threshold desc;
