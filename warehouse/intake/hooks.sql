-- name: create
insert into control.hooks (hook_id, provider, tenant_id, method, settings, data_key_id, ciphertext, created_by)
values (
    %(hook_id)s, %(provider)s, %(tenant_id)s, %(method)s, %(settings)s, %(data_key_id)s, %(ciphertext)s,
    current_setting('minutebook.actor')
);

-- name: exists
select exists(select from control.hooks where hook_id = %(hook_id)s) as is_known;

-- name: revoke
update control.hooks set revoked_at = %(now)s
where hook_id = %(hook_id)s and revoked_at is null;

-- name: health
with compared as (
    select
        r.account,
        o.provider,
        count(*) as heard,
        count(*) filter (where r.read_at >= r.heard_at and not r.is_listed and not r.is_gone) as never_pulled
    from intake.reported_rows(%(first_day)s, %(last_day)s) as r
    inner join control.sources as o on r.source = o.source
    group by r.account, o.provider
),

pulled as (
    select
        o.provider,
        c.account,
        sum(c.row_count) as pulled,
        sum(c.unheard) as never_heard
    from intake.unheard_rows(%(first_day)s, %(last_day)s) as c
    inner join control.sources as o on c.source = o.source
    group by o.provider, c.account
)

select
    h.hook_id,
    h.provider,
    h.tenant_id,
    h.method,
    h.created_at,
    h.revoked_at,
    u.heard_at,
    u.refused_at,
    coalesce(c.heard, 0) as heard,
    coalesce(c.never_pulled, 0) as never_pulled,
    coalesce(p.pulled, 0)::bigint as pulled,
    coalesce(p.never_heard, 0)::bigint as never_heard
from control.hooks as h
left join intake.hook_uses as u on h.hook_id = u.hook_id
left join compared as c on h.provider = c.provider and coalesce(h.tenant_id, 'platform') = c.account
left join pulled as p on h.provider = p.provider and coalesce(h.tenant_id, 'platform') = p.account
where %(tenant_id)s::text is null or h.tenant_id = %(tenant_id)s
order by h.tenant_id nulls first, h.provider, h.created_at, h.hook_id;

-- name: notices
select
    n.hook_id,
    h.provider,
    h.tenant_id,
    n.code,
    n.about,
    n.first_at,
    n.last_at
from intake.hook_notices as n
inner join control.hooks as h on n.hook_id = h.hook_id
where n.last_at > coalesce(n.seen_at, '-infinity')
order by n.last_at desc, n.hook_id, n.code, n.about;

-- name: note_seen
update intake.hook_notices set seen_at = %(now)s
where hook_id = %(hook_id)s and last_at > coalesce(seen_at, '-infinity');

-- name: missing
select
    r.source,
    s.provider,
    r.account,
    r.tenant_id,
    r.usage_date,
    array_agg(r.row_id order by r.row_id) as row_ids
from intake.reported_rows(%(first_day)s, %(last_day)s) as r
inner join control.sources as s on r.source = s.source
where r.read_at >= r.heard_at and not r.is_listed and not r.is_gone
group by r.source, s.provider, r.account, r.tenant_id, r.usage_date
order by r.usage_date, r.source, r.account;

-- name: hook_of
select
    provider,
    tenant_id,
    method,
    settings,
    revoked_at,
    ciphertext,
    data_key_id,
    master_key_id,
    wrapped_key
from intake.hook_of(%(hook_id)s);

-- name: use
select intake.use_hook(%(hook_id)s, %(now)s, %(is_taken)s);

-- name: take
select intake.take_report(
    %(hook_id)s, %(of_source)s, %(of_row)s, %(kind)s, %(status)s, %(created_at)s, %(ended_at)s, %(cost)s, %(is_final)s,
    %(is_gone)s, %(content_hash)s, %(payload)s
) as is_new;

-- name: notice
select intake.take_notice(%(hook_id)s, %(code)s, %(about)s);

-- name: adopt
select usage_date, outcome from intake.adopt(%(source)s, %(account)s, %(row_id)s, %(reason)s);

-- name: adopted
select row_id, payload::text from intake.adoptions
where source = %(source)s and account = %(account)s and usage_date = %(usage_date)s
order by row_id;
