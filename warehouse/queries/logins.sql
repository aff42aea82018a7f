-- name: add_login
insert into control.logins (login_id, role, tenant_id)
values (%(login_id)s, %(role)s, %(tenant_id)s)
on conflict (login_id) do nothing
returning login_id;

-- name: set_password
with login as (
    update control.logins set password_set_at = now(), disabled_at = null
    where login_id = %(login_id)s
    returning login_id
)

insert into control.login_passwords (login_id, salt, password_hash, scrypt_n, scrypt_r, scrypt_p)
select
    login_id,
    %(salt)s,
    %(password_hash)s,
    %(n)s,
    %(r)s,
    %(p)s
from login
on conflict (login_id) do update
    set
        salt = excluded.salt,
        password_hash = excluded.password_hash,
        scrypt_n = excluded.scrypt_n,
        scrypt_r = excluded.scrypt_r,
        scrypt_p = excluded.scrypt_p,
        failures = 0,
        failed_at = null
returning login_id;

-- name: disable
update control.logins set disabled_at = now()
where login_id = %(login_id)s and disabled_at is null
returning login_id;

-- name: logins
select
    login_id,
    role,
    tenant_id,
    created_at,
    password_set_at,
    disabled_at
from control.logins
order by login_id;

-- name: password
select
    passwords.salt,
    passwords.password_hash,
    passwords.scrypt_n,
    passwords.scrypt_r,
    passwords.scrypt_p,
    passwords.failures >= %(allowed_failures)s
    and passwords.failed_at > now() - make_interval(secs => %(pause_seconds)s) as must_wait
from control.login_passwords as passwords
inner join control.logins as logins on passwords.login_id = logins.login_id
where logins.login_id = %(login_id)s and logins.disabled_at is null
for update of passwords;

-- name: count_failure
update control.login_passwords set failures = failures + 1, failed_at = now()
where login_id = %(login_id)s;

-- name: forget_failures
update control.login_passwords set failures = 0, failed_at = null
where login_id = %(login_id)s and failures > 0;

-- name: start_session
insert into control.sessions (token_hash, login_id, expires_at)
values (%(token_hash)s, %(login_id)s, now() + make_interval(secs => %(seconds)s));

-- name: session
select
    logins.login_id,
    logins.role,
    logins.tenant_id,
    coalesce(tenants.name, '') as tenant_name
from control.sessions as sessions
inner join control.logins as logins on sessions.login_id = logins.login_id
left join control.tenants as tenants on logins.tenant_id = tenants.tenant_id
where sessions.token_hash = %(token_hash)s and sessions.expires_at > now() and logins.disabled_at is null;

-- name: end_session
delete from control.sessions
where token_hash = %(token_hash)s;

-- name: end_sessions_of
delete from control.sessions
where login_id = %(login_id)s;

-- name: purge_expired_sessions
delete from control.sessions
where expires_at <= now();
