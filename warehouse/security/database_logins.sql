-- name: known
select
    bound.role,
    bound.tenant_id,
    bound.revoked_at is not null as is_revoked,
    exists (select from pg_catalog.pg_roles where rolname = %(login)s) as exists_in_server
from (select %(login)s::name as login) as asked
left join control.database_logins as bound on asked.login = bound.login;

-- name: bind
insert into control.database_logins (login, role, tenant_id, verifier_digest)
values (
    %(login)s, %(role)s, %(tenant_id)s, pg_catalog.sha256(pg_catalog.convert_to(%(verifier)s, 'UTF8'))
)
on conflict (login) do update set
    verifier_digest = excluded.verifier_digest,
    role = excluded.role,
    tenant_id = excluded.tenant_id,
    granted_at = now(),
    revoked_at = null;

-- name: unbind
update control.database_logins set revoked_at = now()
where login = %(login)s and revoked_at is null;

-- name: logins
select
    bound.login::text as login,
    bound.role,
    bound.tenant_id,
    bound.granted_at,
    bound.revoked_at,
    bound.revoked_at is null and roles.rolcanlogin is true as can_log_in
from control.database_logins as bound
left join pg_catalog.pg_roles as roles on bound.login = roles.rolname
order by bound.revoked_at is not null, bound.login;

-- name: create_person
create role {login} login inherit nosuperuser nobypassrls nocreatedb nocreaterole noreplication;

-- name: create_process
create role {login} login noinherit nosuperuser nobypassrls nocreatedb nocreaterole noreplication;

-- name: grant_role
grant {role} to {login};

-- name: read_only
alter role {login} set default_transaction_read_only = on;

-- name: bound
alter role {login} set {name} = {value};

-- name: limit
alter role {login} connection limit {connections};

-- name: spill
-- What a login's sorts may hold on the server's disk: of all its limits the one that it cannot lift. Only a superuser may set it.
do $spill$
begin
    if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        execute format('alter role %I set temp_file_limit = %L', {login}, {most});
    end if;
end
$spill$;

-- name: look_in_marts
alter role {login} set search_path = marts;

-- name: set_password
alter role {login} login password {verifier};

-- name: may_see_verifiers
select pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select') as may_see;

-- name: changed_passwords
-- Logins that have another password than the one that they were given.
select bound.login::text as login
from control.database_logins as bound
inner join pg_catalog.pg_authid as server on bound.login = server.rolname
where
    bound.revoked_at is null
    and bound.verifier_digest is not null
    and bound.verifier_digest
    is distinct from pg_catalog.sha256(pg_catalog.convert_to(coalesce(server.rolpassword, ''), 'UTF8'))
order by bound.login;

-- name: verifier
select coalesce(rolpassword, '') as verifier from pg_catalog.pg_authid
where rolname = %(login)s;

-- name: shut_out
alter role {login} nologin password null;

-- name: end_sessions
select pg_catalog.pg_terminate_backend(pid)
from pg_catalog.pg_stat_activity
where usename = %(login)s;

-- name: drop
drop role if exists {login};
