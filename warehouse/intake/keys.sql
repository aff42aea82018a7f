-- name: create
insert into control.api_keys (key_id, tenant_id, scopes, token_hash, created_at, created_by, expires_at)
values (
    %(key_id)s, %(tenant_id)s, %(scopes)s, %(token_hash)s, %(created_at)s,
    current_setting('minutebook.actor'), %(expires_at)s
)
returning key_id, tenant_id, scopes, created_at, created_by, expires_at;

-- name: listed
select
    k.key_id,
    k.tenant_id,
    k.scopes,
    k.created_at,
    k.created_by,
    k.expires_at,
    k.revoked_at,
    u.used_at
from control.api_keys as k
left join intake.key_uses as u on k.key_id = u.key_id
where %(tenant_id)s::text is null or k.tenant_id = %(tenant_id)s
order by k.tenant_id nulls first, k.created_at, k.key_id;

-- name: revoke
update control.api_keys set revoked_at = %(now)s
where key_id = %(key_id)s and revoked_at is null;

-- name: exists
select exists(select from control.api_keys where key_id = %(key_id)s) as is_known;

-- name: key_of
select
    tenant_id,
    scopes,
    token_hash,
    expires_at,
    revoked_at
from intake.key_of(%(key_id)s);

-- name: tenant_of_events
select
    closed_from,
    phone_numbers,
    transcripts,
    recordings,
    events_per_minute
from intake.tenant_of_events(%(tenant_id)s);

-- name: use
select intake.use_key(%(key_id)s, %(now)s);
