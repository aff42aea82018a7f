-- name: lock
-- Two looks at once would both open what nobody has opened yet.
select pg_catalog.pg_advisory_xact_lock({lock_alerts}, 0);

-- name: settle
-- What is wrong against what is open, of the rules that were looked at: what is new opens, unless its level is 0, what is gone
-- ends, what is worse than ever is said again, and what else changed is written down in silence. Run again it changes nothing.
with wrong as (
    select w.*
    from jsonb_to_recordset(%(wrong)s::jsonb) as w (
        rule text, tenant_id text, subject text, level int, title text, fix text, path text
    )
),

known as (
    select a.*
    from ledger.alerts as a
    where a.resolved_at is null and a.rule = any(%(rules)s)
),

ended as (
    update ledger.alerts as a set resolved_at = %(now)s
    from known as k
    where
        a.alert_id = k.alert_id
        and not exists (
            select from wrong as w
            where w.rule = k.rule and w.subject = k.subject and w.tenant_id is not distinct from k.tenant_id
        )
    returning a.*, 'resolved' as change
),

changed as (
    update ledger.alerts as a
    set level = greatest(k.level, w.level), title = w.title, fix = w.fix, path = w.path, changed_at = %(now)s
    from known as k
    inner join wrong as w
        on k.rule = w.rule and k.subject = w.subject and k.tenant_id is not distinct from w.tenant_id
    where
        a.alert_id = k.alert_id
        and (w.level > k.level or (w.title, w.fix, w.path) is distinct from (k.title, k.fix, k.path))
    returning a.*, case when w.level > k.level then 'worse' end as change
),

opened as (
    insert into ledger.alerts (rule, tenant_id, subject, level, title, fix, path, opened_at, changed_at)
    select
        w.rule,
        w.tenant_id,
        w.subject,
        w.level,
        w.title,
        w.fix,
        w.path,
        %(now)s,
        %(now)s
    from wrong as w
    where w.level > 0 and not exists (
        select from known as k
        where w.rule = k.rule and w.subject = k.subject and w.tenant_id is not distinct from k.tenant_id
    )
    order by w.rule, w.tenant_id, w.subject
    returning *, 'opened' as change
)

select
    alert_id,
    rule,
    tenant_id,
    subject,
    level,
    title,
    fix,
    path,
    change
from (
    select * from ended
    union all
    select * from changed
    union all
    select * from opened
) as changes
where change is not null
order by alert_id;

-- name: listed
select
    alert_id,
    rule,
    tenant_id,
    subject,
    level,
    title,
    fix,
    path,
    opened_at,
    changed_at,
    resolved_at
from ledger.alerts
where
    (%(tenant_id)s::text is null or tenant_id = %(tenant_id)s)
    and (resolved_at is null or resolved_at >= %(resolved_since)s)
order by resolved_at desc nulls first, level desc, opened_at desc, alert_id desc
limit %(limit)s;

-- name: count_open
select count(*) as found
from ledger.alerts
where resolved_at is null;
