-- A build that fails leaves the marts as they were: whoever reads them is told how old they are, and why.
create table ledger.builds (
    build_id bigint generated always as identity primary key,
    as_of date not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    fault text,
    models_digest text not null,
    check (fault is null or ended_at is not null)
);
comment on table ledger.builds is 'One row per build of the marts; fault is the first thing that failed. Killed, it has no end.';
comment on column ledger.builds.models_digest is
'SHA-256 of the files of the dbt project: where they are not those of the last build, every table is made from scratch.';

-- Who holds a table that a build wants to replace: named for whoever waits, and past a set time ended by these functions alone.
create function ledger.blockers(of_table regclass) returns text
language sql stable security definer set search_path = '' as $$
    select coalesce(
        string_agg(
            pg_catalog.format(
                'login %s (process %s, %s%s)', a.usename, a.pid, a.application_name,
                ', since ' || pg_catalog.to_char(a.xact_start at time zone 'UTC', 'HH24:MI:SS') || ' UTC'
            ),
            '; ' order by a.xact_start
        ),
        'nobody any more'
    )
    from pg_catalog.pg_locks as l
    inner join pg_catalog.pg_stat_activity as a on l.pid = a.pid
    where
        l.relation = of_table and l.granted and l.pid <> pg_catalog.pg_backend_pid()
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
$$;
comment on function ledger.blockers(regclass) is 'Who holds a lock of any kind on the table, in words.';

create function ledger.end_blockers(of_table regclass, older_than interval) returns void
language plpgsql security definer set search_path = '' as $$
declare
    blocker record;
begin
    for blocker in
        select
            a.pid,
            a.usename,
            a.application_name,
            a.client_addr,
            a.xact_start
        from pg_catalog.pg_locks as l
        inner join pg_catalog.pg_stat_activity as a on l.pid = a.pid
        where
            l.relation = of_table and l.granted and l.pid <> pg_catalog.pg_backend_pid()
            and l.database = (
                select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
            )
            and a.backend_type = 'client backend'
            and a.application_name <> 'dbt'
            and a.xact_start < pg_catalog.clock_timestamp() - older_than
        group by a.pid, a.usename, a.application_name, a.client_addr, a.xact_start
    loop
        perform pg_catalog.pg_terminate_backend(blocker.pid);
        insert into ledger.audit_log (actor, action, object_table, after)
        values ('build', 'end_blocker', of_table::text, pg_catalog.to_jsonb(blocker));
    end loop;
exception when insufficient_privilege then
    return;  -- an owner without the right to end sessions: whoever waits names them, and gives up
end
$$;
comment on function ledger.end_blockers(regclass, interval) is
'Ends sessions whose transaction has held a lock on the table for longer; each is in the audit log.';
