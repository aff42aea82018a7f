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

insert into control.login_passwords (login_id, password_hash)
select
    login_id,
    %(password_hash)s
from login
on conflict (login_id) do update
    set password_hash = excluded.password_hash
returning login_id;

-- name: change_password
with login as (
    update control.logins set password_set_at = now()
    from control.login_passwords as passwords
    where
        logins.login_id = %(login_id)s
        and logins.disabled_at is null
        and passwords.login_id = logins.login_id
        and passwords.password_hash = %(former_hash)s
    returning logins.login_id
)

update control.login_passwords set password_hash = %(password_hash)s
where login_id in (select login.login_id from login)
returning login_id;

-- name: disable
update control.logins set disabled_at = now()
where login_id = %(login_id)s and disabled_at is null
returning login_id;

-- name: put_link
insert into control.login_links (login_id, token_hash, expires_at)
select
    login_id,
    %(token_hash)s,
    now() + make_interval(hours => %(hours)s)
from control.logins
where login_id = %(login_id)s
on conflict (login_id) do update
    set
        token_hash = excluded.token_hash,
        made_at = now(),
        expires_at = excluded.expires_at
returning
    expires_at,
    (
        select logins.password_set_at is null from control.logins as logins
        where logins.login_id = login_links.login_id
    ) as is_invitation;

-- name: link
select
    logins.login_id,
    logins.role,
    logins.tenant_id,
    coalesce(tenants.name, '') as tenant_name,
    logins.password_set_at is null as is_invitation
from control.login_links as links
inner join control.logins as logins on links.login_id = logins.login_id
left join control.tenants as tenants on logins.tenant_id = tenants.tenant_id
where links.token_hash = %(token_hash)s and links.expires_at > now();

-- name: use_link
delete from control.login_links
where token_hash = %(token_hash)s and expires_at > now()
returning login_id;

-- name: forget_link
delete from control.login_links
where login_id = %(login_id)s;

-- name: logins
select
    logins.login_id,
    logins.role,
    logins.tenant_id,
    logins.created_at,
    logins.password_set_at,
    logins.second_factor_at,
    logins.recovery_codes_left,
    logins.disabled_at,
    links.expires_at as link_expires_at
from control.logins as logins
left join control.login_links as links on logins.login_id = links.login_id and links.expires_at > now()
order by logins.login_id;

-- name: password
select
    passwords.password_hash,
    exists (
        select 1 from control.devices as devices
        where devices.device_hash = %(device_hash)s and devices.login_id = logins.login_id
    ) as is_known_device
from control.login_passwords as passwords
inner join control.logins as logins on passwords.login_id = logins.login_id
where logins.login_id = %(login_id)s and logins.disabled_at is null;

-- name: remember_device
insert into control.devices (device_hash, login_id)
values (%(device_hash)s, %(login_id)s)
on conflict (device_hash) do update
    set seen_at = now();

-- name: forget_devices
delete from control.devices
where login_id = %(login_id)s;

-- name: forget_old_devices
delete from control.devices
where seen_at < now() - make_interval(days => %(days)s);

-- name: start_session
insert into control.sessions (token_hash, login_id, expires_at, client, browser, second_factor_at)
select
    %(token_hash)s,
    logins.login_id,
    now() + make_interval(secs => %(seconds)s),
    %(client)s,
    %(browser)s,
    null
from control.logins as logins
inner join control.login_passwords as passwords on logins.login_id = passwords.login_id
where
    logins.login_id = %(login_id)s
    and logins.disabled_at is null
    and passwords.password_hash = %(password_hash)s
returning login_id;

-- name: session
select
    logins.login_id,
    logins.role,
    logins.tenant_id,
    coalesce(tenants.name, '') as tenant_name,
    case
        when logins.role = 'tenant' or sessions.second_factor_at is not null then 'open'
        when logins.second_factor_at is not null then 'code'
        else 'enrolment'
    end as standing
from control.sessions as sessions
inner join control.logins as logins on sessions.login_id = logins.login_id
left join control.tenants as tenants on logins.tenant_id = tenants.tenant_id
where sessions.token_hash = %(token_hash)s and sessions.expires_at > now() and logins.disabled_at is null;

-- name: sessions
select
    session_id,
    login_id,
    started_at,
    expires_at,
    client,
    browser,
    second_factor_at,
    token_hash = %(token_hash)s as is_this
from control.sessions
where expires_at > now() and (%(login_id)s::text is null or login_id = %(login_id)s)
order by started_at desc, session_id;

-- name: end_session
delete from control.sessions
where token_hash = %(token_hash)s;

-- name: revoke_session
delete from control.sessions
where login_id = %(login_id)s and session_id::text = %(session_id)s
returning login_id;

-- name: known
select
    role,
    tenant_id,
    password_set_at is null as has_no_password
from control.logins
where login_id = %(login_id)s;

-- name: end_sessions_of
delete from control.sessions
where login_id = %(login_id)s;

-- name: purge_expired_sessions
delete from control.sessions
where expires_at <= now();
