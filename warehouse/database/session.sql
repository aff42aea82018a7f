-- What every session is asked for, whoever opens it, and how it is read back.

-- name: seen
-- As JSON, which each driver hands over alike. How long a transaction may last is set here: no startup option may ask for it,
-- since an older server refuses a name that it does not know.
select
    current_user::text as role,
    (
        select pg_catalog.json_object_agg(wanted.name, pg_catalog.current_setting(wanted.name, true))
        from pg_catalog.unnest({names}::text []) as wanted (name)
    )::text as settings,
    case
        when pg_catalog.current_setting('server_version_num')::int < 170000 then {longest}
        else pg_catalog.set_config('transaction_timeout', {longest}, false)
    end as longest;

-- name: ask
select pg_catalog.set_config(wanted.name, wanted.value, false)
from pg_catalog.json_each_text({settings}::json) as wanted (name, value);

-- name: login_role
reset role;

-- name: backend
select pg_catalog.pg_backend_pid() as pid;

-- name: dbt
-- dbt sends `set role` and this, in one message, as the first of each of its connections. What is set has to outlive a rollback,
-- so it is committed; and psycopg2 takes the transaction that it opened before for open, so there has to be one.
{role}; set timezone to 'UTC'; set work_mem to {work_mem}; set lock_timeout to {wait};
set statement_timeout to {statement_timeout}; set idle_in_transaction_session_timeout to {pause};
select set_config('search_path', '', false);
do $$
begin
    if
        current_user <> {name} or current_setting('TimeZone') <> 'UTC' or current_setting('search_path') <> ''
        or current_setting('lock_timeout') <> {wait}
        or current_setting('statement_timeout') <> {statement_timeout}
        or current_setting('idle_in_transaction_session_timeout') <> {pause}
    then
        raise exception 'the session of dbt is not the one it asked for: it acts as %', current_user;
    end if;
    if current_setting('server_version_num')::int >= 170000 then
        perform set_config('transaction_timeout', {longest}, false);
    end if;
    -- A build that was killed stops at once what it asked for; not every system can tell that a client is gone.
    perform set_config('client_connection_check_interval', '5s', false);
exception when invalid_parameter_value then null;
end
$$;
commit; begin
