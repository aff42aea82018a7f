-- name: second_factor
select
    factors.data_key_id,
    factors.ciphertext,
    factors.last_step,
    factors.proposed_in,
    factors.confirmed_at is not null as is_confirmed,
    keys.master_key_id,
    keys.wrapped_key
from control.second_factors as factors
inner join control.data_keys as keys on factors.data_key_id = keys.data_key_id
where factors.login_id = %(login_id)s
for update of factors;

-- name: propose_second_factor
insert into control.second_factors (login_id, data_key_id, ciphertext, proposed_in)
values (%(login_id)s, %(data_key_id)s, %(ciphertext)s, %(token_hash)s)
on conflict (login_id) do update
    set
        data_key_id = excluded.data_key_id,
        ciphertext = excluded.ciphertext,
        proposed_in = excluded.proposed_in
    where second_factors.confirmed_at is null;

-- name: take_step
update control.second_factors
set
    last_step = %(step)s,
    confirmed_at = coalesce(confirmed_at, now())
where login_id = %(login_id)s and last_step < %(step)s
returning login_id;

-- name: pass_session
with former as (
    delete from control.sessions
    where token_hash = %(token_hash)s
    returning login_id, started_at, expires_at, client, browser
)

insert into control.sessions (token_hash, login_id, started_at, expires_at, client, browser, second_factor_at)
select
    %(new_hash)s,
    former.login_id,
    former.started_at,
    former.expires_at,
    former.client,
    former.browser,
    now()
from former
returning login_id;

-- name: confirm_second_factor
update control.logins
set
    second_factor_at = now(),
    recovery_codes_left = %(codes)s
where login_id = %(login_id)s;

-- name: add_recovery_code
insert into control.recovery_codes (login_id, code_hash)
values (%(login_id)s, %(code_hash)s);

-- name: use_recovery_code
with used as (
    delete from control.recovery_codes
    where login_id = %(login_id)s and code_hash = %(code_hash)s
    returning login_id
)

update control.logins set recovery_codes_left = recovery_codes_left - 1
where login_id in (select login_id from used)
returning login_id;

-- name: forget_second_factor
delete from control.second_factors
where login_id = %(login_id)s;

-- name: forget_recovery_codes
delete from control.recovery_codes
where login_id = %(login_id)s;

-- name: reset_second_factor
update control.logins
set
    second_factor_at = null,
    recovery_codes_left = 0
where login_id = %(login_id)s and second_factor_at is not null
returning login_id;
