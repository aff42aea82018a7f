-- name: standing
select
    q.quarantine_id,
    q.source,
    q.account,
    q.usage_date,
    q.tenant_id,
    q.item,
    q.reason,
    q.scopes,
    s.contract
from ledger.standing_quarantine as q
inner join control.sources as s on q.source = s.source
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
    q.length_from,
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
-- Nothing where it is accepted so already.
insert into ledger.acceptances (source, account, tenant_id, usage_date, doubt, subject, evidence, reason, seconds)
select
    q.source,
    q.account,
    q.tenant_id,
    q.usage_date,
    'quarantined',
    q.item,
    q.fingerprint,
    %(reason)s,
    %(seconds)s::numeric
from ledger.quarantine as q
left join lateral (
    select
        a.acceptance_id,
        a.seconds
    from ledger.acceptances as a
    where
        a.source = q.source
        and a.account = q.account
        and a.usage_date = q.usage_date
        and a.doubt = 'quarantined'
        and a.subject = q.item
        and a.evidence = q.fingerprint
    order by a.acceptance_id desc
    limit 1
) as last on true
where
    q.quarantine_id = %(quarantine_id)s
    and (last.acceptance_id is null or last.seconds is distinct from %(seconds)s::numeric);

-- name: that_blocks
-- A row that routes to nobody blocks whoever reads that source from an account that others share. What bills nothing blocks
-- nobody.
with asked as (
    select *
    from unnest(
        %(tenant_ids)s::text[], %(starts)s::date[], %(service_starts)s::date[], %(service_ends)s::date[],
        %(known_until)s::timestamptz[]
    ) as a (tenant_id, period_start, service_start, service_end, known_until)
),

standing as materialized (
    select
        q.*,
        s.accounts,
        s.contract,
        aside.length_from is not null as is_of_length,
        coalesce(g.known_at, 'infinity') as known_at
    from ledger.standing_quarantine as q
    inner join control.sources as s on q.source = s.source and s.bills
    inner join ledger.quarantine as aside on q.quarantine_id = aside.quarantine_id
    left join ledger.known_gaps as g
        on
            g.gap = 'quarantined'
            and g.tenant_id is not distinct from q.tenant_id
            and g.source = q.source
            and g.account = q.account
            and g.usage_date = q.usage_date
            and g.item = q.item || ' ' || q.fingerprint
    where
        q.usage_date >= (select min(asked.service_start) from asked)
        and q.usage_date < (select max(asked.service_end) from asked)
)

select
    a.tenant_id,
    a.period_start,
    a.service_start,
    q.is_of_length,
    q.quarantine_id,
    q.source,
    q.account,
    q.usage_date,
    q.item,
    q.reason,
    q.contract,
    q.tenant_id is not null as is_routed
from asked as a
inner join standing as q
    on a.service_start <= q.usage_date and a.service_end > q.usage_date and a.known_until < q.known_at
where
    q.tenant_id = a.tenant_id
    or (
        q.tenant_id is null
        and exists (
            select from control.tenant_sources as t
            where
                t.tenant_id = a.tenant_id
                and t.source = q.source
                and (q.accounts <> 'shared' or t.account = q.account)
                and t.valid_from <= q.usage_date
                and q.usage_date < coalesce(t.valid_to, 'infinity')
        )
    )
order by q.usage_date, q.source, q.item;
