-- name: live
select
    credential_id,
    settings,
    used_from
from control.credentials
where tenant_id is not distinct from %(tenant_id)s and provider = %(provider)s and retired_at is null;

-- name: drop_candidate
delete from control.credential_candidates
where tenant_id is not distinct from %(tenant_id)s and provider = %(provider)s;

-- name: add_candidate
insert into control.credential_candidates (credential_id, tenant_id, provider, data_key_id, ciphertext, fingerprint)
values (
    %(credential_id)s, %(tenant_id)s, %(provider)s, %(data_key_id)s, %(ciphertext)s, %(fingerprint)s
);

-- name: candidate
select
    candidate.credential_id,
    candidate.ciphertext,
    candidate.data_key_id,
    data_key.master_key_id,
    data_key.wrapped_key
from control.credential_candidates as candidate
inner join control.data_keys as data_key on candidate.data_key_id = data_key.data_key_id
where candidate.tenant_id is not distinct from %(tenant_id)s and candidate.provider = %(provider)s;

-- name: promote
insert into control.credentials (
    credential_id, tenant_id, provider, data_key_id, ciphertext, fingerprint, settings, used_from, verified_at
)
select
    candidate.credential_id,
    candidate.tenant_id,
    candidate.provider,
    candidate.data_key_id,
    candidate.ciphertext,
    candidate.fingerprint,
    %(settings)s,
    %(used_from)s,
    now()
from control.credential_candidates as candidate
where
    candidate.credential_id = %(credential_id)s
    and candidate.tenant_id is not distinct from %(tenant_id)s
    and candidate.provider = %(provider)s
returning credential_id;

-- name: data_key
select
    data_key_id,
    master_key_id,
    wrapped_key
from control.data_keys
where tenant_id is not distinct from %(tenant_id)s
for no key update;

-- name: sealed_credentials
select
    credential_id,
    provider,
    ciphertext
from control.credentials
where data_key_id = %(data_key_id)s
for no key update;

-- name: sealed_candidates
select
    credential_id,
    provider,
    ciphertext
from control.credential_candidates
where data_key_id = %(data_key_id)s
for no key update;

-- name: reseal_credential
update control.credentials
set
    ciphertext = %(ciphertext)s,
    fingerprint = %(fingerprint)s
where credential_id = %(credential_id)s;

-- name: reseal_candidate
update control.credential_candidates
set
    ciphertext = %(ciphertext)s,
    fingerprint = %(fingerprint)s
where credential_id = %(credential_id)s;

-- name: owners
select tenant_id from control.data_keys
order by tenant_id nulls first;

-- name: sealed_endpoints
select
    endpoint_id,
    ciphertext
from control.endpoints
where data_key_id = %(data_key_id)s and ciphertext <> ''
for no key update;

-- name: reseal_endpoint
update control.endpoints set ciphertext = %(ciphertext)s
where endpoint_id = %(endpoint_id)s;

-- name: sealed_second_factors
select
    login_id,
    ciphertext
from control.second_factors
where data_key_id = %(data_key_id)s
for no key update;

-- name: reseal_second_factor
update control.second_factors set ciphertext = %(ciphertext)s
where login_id = %(login_id)s;

-- name: sealed_hooks
select
    hook_id,
    ciphertext
from control.hooks
where data_key_id = %(data_key_id)s
for no key update;

-- name: reseal_hook
update control.hooks set ciphertext = %(ciphertext)s
where hook_id = %(hook_id)s;
