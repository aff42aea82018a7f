-- What every session is asked for, whoever opens it, and how it is read back.

-- name: seen
select
    current_user::text as role,
    pg_catalog.current_setting('TimeZone') as time_zone,
    pg_catalog.current_setting('search_path') as search_path,
    coalesce(pg_catalog.current_setting('minutebook.actor', true), '') as actor;

-- name: ask
select
    pg_catalog.set_config('TimeZone', 'UTC', false),
    pg_catalog.set_config('search_path', {search_path}, false),
    pg_catalog.set_config('minutebook.actor', {actor}, false),
    pg_catalog.set_config('role', {role}, false);

-- name: login_role
reset role;

-- name: backend
select pg_catalog.pg_backend_pid() as pid;

-- name: dbt
-- dbt sends `set role` and this, in one message, as the first of each of its connections.
{role}; set timezone to 'UTC'; set work_mem to {work_mem};
select set_config('search_path', '', false);
do $$
begin
    if current_user <> {name} or current_setting('TimeZone') <> 'UTC' or current_setting('search_path') <> '' then
        raise exception 'the session of dbt is not the one it asked for: it acts as %', current_user;
    end if;
    -- A build that was killed stops at once what it asked for; not every system can tell that a client is gone.
    perform set_config('client_connection_check_interval', '5s', false);
exception when invalid_parameter_value then null;
end
$$;
commit
