-- name: statements
-- One row per tenant and period that starts in [month_start, month_end), with its margin and its state as it is now.
select
    s.tenant_id,
    s.period_start,
    s.period_end,
    coalesce(p.state, 'open') as state,
    p.reason,
    p.manifest_hash,
    s.currency,
    s.setup,
    s.subscription,
    s.overage,
    s.minimum,
    s.adjustments,
    s.credits,
    s.total,
    m.cost,
    m.margin,
    m.margin_percent,
    m.completeness,
    s.is_complete,
    least(
        s.period_end,
        (
            select greatest(c.valid_from, s.period_start) from control.tenant_statuses as c
            where c.tenant_id = s.tenant_id and c.status = 'closed'
        )
    ) as ends_on
from marts.fct_statements as s
left join ledger.periods as p on s.tenant_id = p.tenant_id and s.period_start = p.period_start
left join marts.fct_margin_monthly as m on s.tenant_id = m.tenant_id and s.period_start = m.period_start
where
    s.period_start >= %(month_start)s
    and s.period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or s.tenant_id = any(%(tenant_ids)s))
order by s.period_start, s.tenant_id;

-- name: lines
select
    l.tenant_id,
    l.line_id,
    l.period_start,
    l.line_kind,
    l.meter_id,
    l.quantity,
    l.unit,
    l.amount,
    l.currency,
    l.service_period_start,
    l.service_period_end,
    l.corrects_line_id
from marts.fct_statement_lines as l
where
    l.period_start >= %(month_start)s
    and l.period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or l.tenant_id = any(%(tenant_ids)s))
order by l.tenant_id asc, l.period_start asc, l.line_kind desc, l.meter_id asc, l.line_id asc;

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

-- name: know_gaps
-- What stands in the way of these windows now is known from now on, or from when it was first known; what stands there no
-- more is forgotten, so that it is news if it comes back.
with asked as (
    select *
    from unnest(
        %(tenant_ids)s::text[], %(service_starts)s::date[], %(service_ends)s::date[]
    ) as a (tenant_id, service_start, service_end)
),

standing as (
    select
        d.tenant_id,
        d.source,
        d.account,
        d.usage_date,
        d.status as gap,
        '' as item,
        null as agent_id,
        null::numeric as quantity
    from marts.fct_tenant_day_status as d
    inner join asked as a
        on a.tenant_id = d.tenant_id and a.service_start <= d.usage_date and a.service_end > d.usage_date
    inner join control.sources as s on d.source = s.source and s.bills
    where d.status in ('incomplete', 'failed', 'not pulled')
    union
    select
        u.tenant_id,
        u.source,
        coalesce(u.account, '') as account,
        u.usage_date,
        u.reason as gap,
        concat_ws(' ', u.item, u.attributes::text) as item,
        u.agent_id,
        u.quantity
    from marts.fct_unbilled_usage as u
    inner join asked as a
        on
            (u.tenant_id = a.tenant_id or u.tenant_id is null)
            and a.service_start <= u.usage_date
            and a.service_end > u.usage_date
    where u.is_blocking and (u.tenant_id = any(%(tenant_ids)s) or u.tenant_id is null)
    union
    select
        d.tenant_id,
        d.source,
        d.account,
        d.usage_date,
        d.doubt as gap,
        d.call_id || ' ' || d.evidence as item,
        null as agent_id,
        null::numeric as quantity
    from marts.fct_call_doubts as d
    inner join asked as a
        on a.tenant_id = d.tenant_id and a.service_start <= d.usage_date and a.service_end > d.usage_date
    union
    select
        q.tenant_id,
        q.source,
        q.account,
        q.usage_date,
        'quarantined' as gap,
        q.item || ' ' || q.fingerprint as item,
        null as agent_id,
        null::numeric as quantity
    from ledger.standing_quarantine as q
    inner join asked as a
        on
            (q.tenant_id = a.tenant_id or q.tenant_id is null)
            and a.service_start <= q.usage_date
            and a.service_end > q.usage_date
    union
    select
        t.tenant_id,
        t.source,
        t.account,
        t.usage_date,
        'totals_disagree' as gap,
        t.name || ' ' || t.evidence as item,
        null as agent_id,
        null::numeric as quantity
    from ledger.disagreeing_totals as t
    inner join asked as a
        on
            (t.tenant_id = a.tenant_id or t.tenant_id is null)
            and a.service_start <= t.usage_date
            and a.service_end > t.usage_date
    union
    select
        d.tenant_id,
        d.source,
        d.account,
        d.usage_date,
        d.cause_code as gap,
        d.evidence as item,
        null as agent_id,
        null::numeric as quantity
    from ledger.doubted_days as d
    inner join asked as a
        on
            (d.tenant_id = a.tenant_id or d.tenant_id is null)
            and a.service_start <= d.usage_date
            and a.service_end > d.usage_date
),

forgotten as (
    delete from ledger.known_gaps as g
    using asked as a
    where
        (g.tenant_id = a.tenant_id or g.tenant_id is null)
        and a.service_start <= g.usage_date
        and a.service_end > g.usage_date
        and not exists (
            select from standing as s
            where
                s.tenant_id is not distinct from g.tenant_id
                and s.source = g.source
                and s.account = g.account
                and s.usage_date = g.usage_date
                and s.gap = g.gap
                and s.item = g.item
                and s.agent_id is not distinct from g.agent_id
                and s.quantity is not distinct from g.quantity
        )
)

insert into ledger.known_gaps (tenant_id, source, account, usage_date, gap, item, agent_id, quantity)
select
    tenant_id,
    source,
    account,
    usage_date,
    gap,
    item,
    agent_id,
    quantity
from standing
on conflict do nothing;

-- name: calls_of_nobody
-- Calls of the shared account that route to nobody, with what they may be attached by.
select
    c.source,
    c.call_id,
    c.usage_date,
    scope.kind,
    scope.value,
    scope.is_of_one_row
from marts.fct_calls as c
cross join
    lateral (
        select
            given.key as kind,
            given.value,
            k.is_of_one_row
        from jsonb_each_text(c.scopes) as given
        inner join control.scope_kinds as k on given.key = k.kind
        order by k.is_of_one_row, k.rank
        limit 1
    ) as scope
where c.tenant_id is null and c.usage_date >= %(first_date)s and c.usage_date <= %(last_date)s
order by c.usage_date, c.call_id;

-- name: first_agents
select
    tenant_id,
    min(agent_id) as agent_id
from control.agents
where tenant_id = any(%(tenant_ids)s)
group by tenant_id;

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

-- name: period
select
    state,
    period_end,
    reason,
    manifest_hash
from ledger.periods
where tenant_id = %(tenant_id)s and period_start = %(period_start)s
for update;

-- name: periods_of_month
select
    tenant_id,
    period_start,
    period_end,
    state,
    reason,
    manifest_hash
from ledger.periods
where
    period_start >= %(month_start)s
    and period_start < %(month_end)s
    and (%(tenant_ids)s::text[] is null or tenant_id = any(%(tenant_ids)s))
order by period_start, tenant_id;

-- name: set_state
insert into ledger.periods as p (
    tenant_id, period_start, period_end, state, changed_by, reason, manifest_hash
)
values (
    %(tenant_id)s, %(period_start)s, %(period_end)s, %(state)s, %(actor)s, %(reason)s, %(manifest_hash)s
)
on conflict (tenant_id, period_start) do update
    set
        period_end = excluded.period_end,
        state = excluded.state,
        changed_at = now(),
        approved_at = case excluded.state when 'approved' then now() when 'closed' then p.approved_at end,
        approved_cost = case excluded.state when 'closed' then p.approved_cost end,
        changed_by = excluded.changed_by,
        reason = excluded.reason,
        manifest_hash = excluded.manifest_hash;

-- name: keep_cost
-- What the period is known to have cost as it is approved: bills may move later, and the statement does not.
update ledger.periods as p
set approved_cost = m.cost
from marts.fct_margin_monthly as m
where
    p.tenant_id = %(tenant_id)s and p.period_start = %(period_start)s
    and m.tenant_id = p.tenant_id and m.period_start = p.period_start;

-- name: freeze_lines
insert into ledger.statement_lines (
    line_id,
    tenant_id,
    period_start,
    line_kind,
    meter_id,
    quantity,
    unit,
    amount,
    currency,
    service_period_start,
    service_period_end,
    corrects_line_id,
    inputs
)
select
    line_id,
    tenant_id,
    period_start,
    line_kind,
    meter_id,
    quantity,
    unit,
    amount,
    currency,
    service_period_start,
    service_period_end,
    corrects_line_id,
    inputs
from marts.fct_statement_lines
where tenant_id = %(tenant_id)s and period_start = %(period_start)s;

-- name: release_lines
delete from ledger.statement_lines
where tenant_id = %(tenant_id)s and period_start = %(period_start)s;

-- name: manifest_hash
-- Lines with their inputs, and what they were made of: days, pulls, and calls and rows of the provider.
with lines as (
    select line_id, pg_catalog.to_jsonb(l) - 'frozen_at' as line
    from ledger.statement_lines as l
    where l.tenant_id = %(tenant_id)s and l.period_start = %(period_start)s
),

parts as (
    select 1 as level, d.line_id, pg_catalog.to_jsonb(d)::text as part
    from ledger.line_days as d
    where d.line_id in (select lines.line_id from lines)
    union all
    select 2 as level, p.line_id, (pg_catalog.to_jsonb(p) - 'pulled_at')::text as part
    from ledger.line_pulls as p
    where p.line_id in (select lines.line_id from lines)
    union all
    select 3 as level, o.line_id, (pg_catalog.to_jsonb(o) - 'reported_at')::text as part
    from ledger.line_objects as o
    where o.line_id in (select lines.line_id from lines)
)

select
    pg_catalog.encode(
        pg_catalog.sha256(
            pg_catalog.convert_to(
                coalesce((select pg_catalog.jsonb_agg(line order by line_id)::text from lines), '[]')
                || coalesce(
                    (select pg_catalog.string_agg(part, E'\n' order by level, line_id, part collate "C") from parts), ''
                ),
                'UTF8'
            )
        ),
        'hex'
    ) as manifest_hash,
    (select count(*) from lines) as lines;

-- name: frozen_corrections
-- Other periods whose frozen adjustments correct this one, or correct again what this one adjusted: released lines would
-- leave them without what they are a difference to. By the corrected period, since a corrected line need not be frozen.
select distinct c.period_start
from ledger.statement_lines as c
where
    c.tenant_id = %(tenant_id)s
    and c.period_start <> %(period_start)s
    and c.line_kind = 'adjustment'
    and (
        pg_catalog.split_part(c.corrects_line_id, '/', 2)::date = %(period_start)s
        or exists (
            select from ledger.statement_lines as l
            where
                l.tenant_id = c.tenant_id
                and l.period_start = %(period_start)s
                and l.corrects_line_id = c.corrects_line_id
                and l.frozen_at < c.frozen_at
        )
    )
order by c.period_start desc;

-- name: approved
select
    tenant_id,
    period_start,
    manifest_hash
from ledger.periods
where state in ('approved', 'closed')
order by tenant_id, period_start;
