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

-- name: days_that_block
-- One row per statement, source, state and cause. Statements come as three arrays of one length, here as in doubts.sql.
with asked as (
    select
        a.tenant_id,
        a.period_start,
        a.period_end
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
)

select
    a.tenant_id,
    a.period_start,
    d.source,
    d.account,
    d.status,
    d.cause_code,
    min(d.usage_date) as first_date,
    max(d.usage_date) as last_date,
    count(*) as days,
    max(d.cause) as cause
from asked as a
inner join marts.fct_tenant_day_status as d
    on a.tenant_id = d.tenant_id and a.period_start <= d.usage_date and a.period_end > d.usage_date
where
    d.status in ('incomplete', 'failed', 'not pulled')
    and (d.status <> 'incomplete' or d.cause_code is distinct from 'quarantined') -- each such row blocks by itself
    and d.source <> 'voiceflow_transcripts' -- bills nothing
    and d.usage_date >= (select min(asked.period_start) from asked)
    and d.usage_date < (select max(asked.period_end) from asked)
group by a.tenant_id, a.period_start, d.source, d.account, d.status, d.cause_code
order by d.source, d.status, min(d.usage_date), d.account, d.cause_code;

-- name: usage_that_blocks
-- Unattributed usage blocks those who read that source from an account that others share: it may be any one's of them. It is
-- summed once for all who read it on the same days.
with asked as (
    select
        a.tenant_id,
        a.period_start,
        a.period_end
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
),

blocking as materialized (
    select
        u.tenant_id,
        u.source,
        u.item,
        u.reason,
        u.usage_date,
        u.quantity
    from marts.fct_unbilled_usage as u
    where
        u.is_blocking
        and (u.tenant_id = any(%(tenant_ids)s) or u.tenant_id is null)
        and u.usage_date >= (select min(asked.period_start) from asked)
        and u.usage_date < (select max(asked.period_end) from asked)
),

readers as materialized (
    select
        a.tenant_id,
        a.period_start,
        t.source,
        range_agg(daterange(greatest(t.valid_from, a.period_start), least(t.valid_to, a.period_end))) as days
    from asked as a
    inner join control.tenant_sources as t
        on
            a.tenant_id = t.tenant_id
            and (t.source <> 'vapi' or t.account = 'platform')
            and a.period_end > t.valid_from
            and a.period_start < coalesce(t.valid_to, 'infinity')
    where exists (select from blocking where blocking.tenant_id is null)
    group by a.tenant_id, a.period_start, t.source
),

shared as (
    select
        r.source,
        r.days,
        u.item,
        u.reason,
        min(u.usage_date) as first_date,
        max(u.usage_date) as last_date,
        sum(u.quantity) as quantity
    from (select distinct readers.source, readers.days from readers) as r
    inner join blocking as u on r.source = u.source and r.days @> u.usage_date
    where u.tenant_id is null
    group by r.source, r.days, u.item, u.reason
)

select
    a.tenant_id,
    a.period_start,
    u.source,
    u.item,
    u.reason,
    min(u.usage_date) as first_date,
    max(u.usage_date) as last_date,
    sum(u.quantity) as quantity
from asked as a
inner join blocking as u
    on a.tenant_id = u.tenant_id and a.period_start <= u.usage_date and a.period_end > u.usage_date
group by a.tenant_id, a.period_start, u.source, u.item, u.reason
union all
select
    r.tenant_id,
    r.period_start,
    s.source,
    s.item,
    s.reason,
    s.first_date,
    s.last_date,
    s.quantity
from readers as r
inner join shared as s on r.source = s.source and r.days = s.days
order by reason, source, item;

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
        changed_by = excluded.changed_by,
        reason = excluded.reason,
        manifest_hash = excluded.manifest_hash;

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
    select 3 as level, o.line_id, (pg_catalog.to_jsonb(o) - 'told_at')::text as part
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
