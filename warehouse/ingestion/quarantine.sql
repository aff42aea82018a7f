-- name: standing
select
    q.quarantine_id,
    q.source,
    q.account,
    q.usage_date,
    q.tenant_id,
    q.item,
    q.reason,
    q.scopes
from ledger.standing_quarantine as q
where
    %(tenant_id)s::text is null
    or q.tenant_id = %(tenant_id)s
    or (q.tenant_id is null and q.account = 'platform')
order by q.usage_date desc, q.source, q.account, q.item;

-- name: one
select
    q.quarantine_id,
    q.source,
    q.account,
    q.tenant_id,
    q.usage_date,
    q.item,
    q.reason,
    q.scopes,
    p.state = 'published' as is_current,
    s.contract,
    (
        select k.kind from control.scope_kinds as k
        where k.kind = any(s.scope_kinds) and k.is_of_one_row
    ) as kind_of_one_row
from ledger.quarantine as q
inner join ledger.pulls as p on q.pull_id = p.pull_id
inner join control.sources as s on q.source = s.source
where q.quarantine_id = %(quarantine_id)s;

-- name: accept
insert into ledger.acceptances (source, account, tenant_id, usage_date, doubt, subject, evidence, reason)
select
    q.source,
    q.account,
    q.tenant_id,
    q.usage_date,
    'quarantined',
    q.item,
    q.fingerprint,
    %(reason)s
from ledger.quarantine as q
where q.quarantine_id = %(quarantine_id)s
on conflict (source, account, usage_date, doubt, subject, evidence) do nothing;

-- name: that_blocks
-- A row that routes to nobody blocks whoever reads that source from an account that others share. What bills nothing blocks
-- nobody.
with asked as (
    select
        a.tenant_id,
        a.period_start,
        a.period_end
    from unnest(%(tenant_ids)s::text[], %(starts)s::date[], %(ends)s::date[]) as a (tenant_id, period_start, period_end)
),

standing as materialized (
    select
        q.*,
        s.accounts,
        s.contract
    from ledger.standing_quarantine as q
    inner join control.sources as s on q.source = s.source and s.bills
    where
        q.usage_date >= (select min(asked.period_start) from asked)
        and q.usage_date < (select max(asked.period_end) from asked)
)

select
    a.tenant_id,
    a.period_start,
    q.quarantine_id,
    q.source,
    q.account,
    q.usage_date,
    q.item,
    q.reason,
    q.contract,
    q.tenant_id is not null as is_routed
from asked as a
inner join standing as q on a.period_start <= q.usage_date and a.period_end > q.usage_date
where
    q.tenant_id = a.tenant_id
    or (
        q.tenant_id is null
        and exists (
            select from control.tenant_sources as t
            where
                t.tenant_id = a.tenant_id
                and t.source = q.source
                and (q.accounts = 'own' or t.account = q.account)
                and t.valid_from <= q.usage_date
                and q.usage_date < coalesce(t.valid_to, 'infinity')
        )
    )
order by q.usage_date, q.source, q.item;
