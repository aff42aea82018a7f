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
