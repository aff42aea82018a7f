-- name: never_idle_out
set idle_session_timeout = 0;

-- name: hold
select pg_catalog.pg_try_advisory_lock({lock_run}, pg_catalog.hashtext(%(run_id)s)) as is_held;

-- name: is_alive
select exists(
    select from pg_catalog.pg_locks as l
    where
        l.locktype = 'advisory' and l.granted
        and l.database = (
            select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
        )
        and l.classid = {lock_run}
        and l.objid = (pg_catalog.hashtext(%(run_id)s)::bigint & 4294967295)::oid
        and l.objsubid = 2
) as is_alive;

-- name: answer
select 1 as answered;
