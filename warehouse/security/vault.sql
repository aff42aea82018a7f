-- name: one_at_a_time
-- Who writes secrets of one owner; builds, versions and all others go on beside it.
select pg_advisory_xact_lock({lock_vault}, hashtext(coalesce(%(tenant_id)s, 'platform')));

-- name: data_key
select
    data_key_id,
    master_key_id,
    wrapped_key
from control.data_keys
where tenant_id is not distinct from %(tenant_id)s;

-- name: next_data_key_id
select nextval('control.data_keys_data_key_id_seq');

-- name: add_data_key
insert into control.data_keys (data_key_id, tenant_id, master_key_id, wrapped_key)
overriding system value
values (%(data_key_id)s, %(tenant_id)s, %(master_key_id)s, %(wrapped_key)s);

-- name: next_credential_id
select nextval('control.credentials_credential_id_seq');

-- name: live_and_same
select credential_id
from control.credentials
where
    tenant_id is not distinct from %(tenant_id)s and provider = %(provider)s and retired_at is null
    and fingerprint = %(fingerprint)s and settings = %(settings)s
    and used_from = coalesce(%(used_from)s::date, used_from);

-- name: retire
update control.credentials set retired_at = now()
where tenant_id is not distinct from %(tenant_id)s and provider = %(provider)s and retired_at is null
returning used_from;

-- name: add
insert into control.credentials (
    credential_id, tenant_id, provider, data_key_id, ciphertext, fingerprint, settings, used_from
)
values (
    %(credential_id)s,
    %(tenant_id)s,
    %(provider)s,
    %(data_key_id)s,
    %(ciphertext)s,
    %(fingerprint)s,
    %(settings)s,
    coalesce(%(used_from)s::date, date '2000-01-01')
);

-- name: live
select
    c.credential_id,
    c.settings,
    c.ciphertext,
    c.data_key_id,
    k.master_key_id,
    k.wrapped_key
from control.credentials as c
inner join control.data_keys as k on c.data_key_id = k.data_key_id
where c.tenant_id is not distinct from %(tenant_id)s and c.provider = %(provider)s and c.retired_at is null;

-- name: record_use
select ledger.record_credential_use(%(credential_id)s);

-- name: wrapped_otherwise
select
    data_key_id,
    tenant_id,
    master_key_id,
    wrapped_key
from control.data_keys
where master_key_id <> %s
order by data_key_id
for no key update;

-- name: rewrap
update control.data_keys
set
    master_key_id = %(master_key_id)s,
    wrapped_key = %(wrapped_key)s
where data_key_id = %(data_key_id)s;
