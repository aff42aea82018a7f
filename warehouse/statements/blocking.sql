-- name: corrected_windows
-- Of those statements that carry their tenant's corrections: each approved period that these may be of, and until when its
-- gaps were known to who approved. The carrier is the tenant's first period that is not approved.
with asked as (
    select
        a.tenant_id,
        a.period_start
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[]) as a (tenant_id, period_start)
),

carriers as (
    select
        s.tenant_id,
        min(s.period_start) as period_start
    from marts.fct_statements as s
    left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
    where s.tenant_id = any(%(tenant_ids)s) and coalesce(p.state, 'open') not in ('approved', 'closed')
    group by s.tenant_id
)

select
    a.tenant_id,
    a.period_start,
    p.period_start as service_start,
    p.period_end as service_end,
    max(coalesce(p.approved_at, p.changed_at)) over (partition by p.tenant_id) as known_until
from asked as a
inner join carriers as c on a.tenant_id = c.tenant_id and a.period_start = c.period_start
inner join ledger.periods as p on a.tenant_id = p.tenant_id and p.state in ('approved', 'closed');

-- name: days_that_block
-- One row per window, source, state and cause. Windows come as arrays of one length: a statement's own days, and those of the
-- approved periods whose corrections it carries, of which only what became known since counts.
with asked as (
    select *
    from unnest(
        %(tenant_ids)s::text[], %(starts)s::date[], %(service_starts)s::date[], %(service_ends)s::date[],
        %(known_until)s::timestamptz[]
    ) as a (tenant_id, period_start, service_start, service_end, known_until)
)

select
    a.tenant_id,
    a.period_start,
    a.service_start,
    d.source,
    s.provider,
    d.account,
    d.status,
    d.cause_code,
    min(d.usage_date) as first_date,
    max(d.usage_date) as last_date,
    count(*) as days,
    max(d.cause) as cause
from asked as a
inner join marts.fct_tenant_day_status as d
    on a.tenant_id = d.tenant_id and a.service_start <= d.usage_date and a.service_end > d.usage_date
inner join control.sources as s on d.source = s.source
left join ledger.known_gaps as g
    on
        d.tenant_id = g.tenant_id
        and d.source = g.source
        and d.account = g.account
        and d.usage_date = g.usage_date
        and d.status = g.gap
where
    d.status in ('incomplete', 'failed', 'not pulled')
    and (d.status <> 'incomplete' or d.cause_code is distinct from 'quarantined') -- each such row blocks by itself
    and s.bills
    and d.tenant_id = any(%(tenant_ids)s)
    and d.usage_date >= (select min(asked.service_start) from asked)
    and d.usage_date < (select max(asked.service_end) from asked)
    and coalesce(g.known_at, 'infinity') > a.known_until
group by a.tenant_id, a.period_start, a.service_start, d.source, s.provider, d.account, d.status, d.cause_code
union all
select
    a.tenant_id,
    a.period_start,
    a.service_start,
    d.source,
    s.provider,
    d.account,
    'doubtful' as status,
    d.cause_code,
    min(d.usage_date) as first_date,
    max(d.usage_date) as last_date,
    count(*) as days,
    max(d.cause) as cause
from asked as a
inner join control.tenant_sources as t
    on
        a.tenant_id = t.tenant_id
        and a.service_end > t.valid_from
        and a.service_start < coalesce(t.valid_to, 'infinity')
inner join ledger.doubted_days as d
    on
        t.source = d.source
        and t.account = d.account
        and d.usage_date >= greatest(a.service_start, t.valid_from)
        and d.usage_date < least(a.service_end, t.valid_to)
inner join control.sources as s on d.source = s.source and s.bills
left join ledger.known_gaps as g
    on
        d.tenant_id is not distinct from g.tenant_id
        and d.source = g.source
        and d.account = g.account
        and d.usage_date = g.usage_date
        and d.cause_code = g.gap
        and d.evidence = g.item
where coalesce(g.known_at, 'infinity') > a.known_until
group by a.tenant_id, a.period_start, a.service_start, d.source, s.provider, d.account, d.cause_code
order by service_start, source, status, first_date, account, cause_code;

-- name: usage_that_blocks
-- Unattributed usage of a tenant's own account blocks that tenant, and the one it is attached to and whose pull lacks it; of
-- an account that others share, whoever reads that source from it: it may be any one's of them. That is summed once for all
-- who read it on the same days. Windows are those of days_that_block.
with asked as (
    select *
    from unnest(
        %(tenant_ids)s::text[], %(starts)s::date[], %(service_starts)s::date[], %(service_ends)s::date[],
        %(known_until)s::timestamptz[]
    ) as a (tenant_id, period_start, service_start, service_end, known_until)
),

blocking as materialized (
    select
        u.tenant_id,
        u.account,
        u.awaited_tenant_id,
        u.source,
        u.item,
        u.attributes,
        u.unit,
        u.reason,
        u.usage_date,
        u.quantity,
        coalesce(g.known_at, 'infinity') as known_at,
        u.tenant_id is null and u.awaited_tenant_id is null
        and coalesce(u.account, 'platform') = 'platform' as is_anybodys
    from marts.fct_unbilled_usage as u
    left join ledger.known_gaps as g
        on
            u.tenant_id is not distinct from g.tenant_id
            and u.source = g.source
            and coalesce(u.account, '') = g.account
            and u.usage_date = g.usage_date
            and u.reason = g.gap
            and concat_ws(' ', u.item, u.attributes::text) = g.item
            and u.agent_id is not distinct from g.agent_id
            and u.quantity = g.quantity
    where
        u.is_blocking
        and (u.tenant_id = any(%(tenant_ids)s) or u.tenant_id is null)
        and u.usage_date >= (select min(asked.service_start) from asked)
        and u.usage_date < (select max(asked.service_end) from asked)
),

somebodys as (
    select
        whom.tenant_id as blocked_tenant_id,
        b.*
    from blocking as b
    cross join lateral (
        select b.tenant_id where b.tenant_id is not null
        union
        select b.account where b.tenant_id is null
        union
        select b.awaited_tenant_id
    ) as whom (tenant_id)
    where not b.is_anybodys
),

readers as materialized (
    select
        a.tenant_id,
        a.period_start,
        a.service_start,
        a.known_until,
        t.source,
        range_agg(daterange(greatest(t.valid_from, a.service_start), least(t.valid_to, a.service_end))) as days
    from asked as a
    inner join control.tenant_sources as t
        on
            a.tenant_id = t.tenant_id
            and a.service_end > t.valid_from
            and a.service_start < coalesce(t.valid_to, 'infinity')
    inner join control.sources as s
        on t.source = s.source and (s.accounts <> 'shared' or t.account = 'platform')
    where exists (select from blocking where blocking.is_anybodys)
    group by a.tenant_id, a.period_start, a.service_start, a.known_until, t.source
),

shared as (
    select
        r.source,
        r.days,
        u.item,
        u.unit,
        u.reason,
        u.known_at,
        min(u.usage_date) as first_date,
        max(u.usage_date) as last_date,
        sum(u.quantity) as quantity
    from (select distinct readers.source, readers.days from readers) as r
    inner join blocking as u on r.source = u.source and r.days @> u.usage_date
    where u.is_anybodys
    group by r.source, r.days, u.item, u.unit, u.reason, u.known_at
)

select
    a.tenant_id,
    a.period_start,
    a.service_start,
    u.account,
    u.awaited_tenant_id,
    u.source,
    u.item,
    u.attributes,
    u.unit,
    u.reason,
    min(u.usage_date) as first_date,
    max(u.usage_date) as last_date,
    sum(u.quantity) as quantity
from asked as a
inner join somebodys as u
    on
        a.tenant_id = u.blocked_tenant_id
        and a.service_start <= u.usage_date
        and a.service_end > u.usage_date
        and a.known_until < u.known_at
group by
    a.tenant_id, a.period_start, a.service_start, u.account, u.awaited_tenant_id, u.source, u.item, u.attributes,
    u.unit, u.reason
union all
select
    r.tenant_id,
    r.period_start,
    r.service_start,
    null as account,
    null as awaited_tenant_id,
    s.source,
    s.item,
    null::jsonb as attributes,
    s.unit,
    s.reason,
    min(s.first_date) as first_date,
    max(s.last_date) as last_date,
    sum(s.quantity) as quantity
from readers as r
inner join shared as s on r.source = s.source and r.days = s.days and r.known_until < s.known_at
group by r.tenant_id, r.period_start, r.service_start, s.source, s.item, s.unit, s.reason
order by service_start, reason, source, item, attributes;

-- name: earlier_open_period
select
    a.tenant_id,
    a.period_start,
    min(s.period_start) as open_period_start
from unnest(%(tenant_ids)s::text[], %(starts)s::date[]) as a (tenant_id, period_start)
inner join marts.fct_statements as s on a.tenant_id = s.tenant_id and a.period_start > s.period_start
left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
where coalesce(p.state, 'open') in ('open', 'in_review')
group by a.tenant_id, a.period_start;
