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

create function ledger.who_is(of_process int) returns text
language sql volatile security definer set search_path = '' as $$
    select pg_catalog.format(
        'login %s (process %s, %s, since %s UTC)', a.usename, a.pid, coalesce(nullif(a.application_name, ''), 'no name'),
        pg_catalog.to_char(coalesce(a.xact_start, a.backend_start) at time zone 'UTC', 'HH24:MI:SS')
    )
    from pg_catalog.pg_stat_activity as a
    where a.pid = of_process
$$;
comment on function ledger.who_is(int) is 'A process of the server in words: login, number, application, since when.';

create function ledger.waits_for(waiting int) returns text
language sql volatile security definer set search_path = '' as $$
    select pg_catalog.string_agg(ledger.who_is(blocking.pid), '; ' order by blocking.pid)
    from pg_catalog.unnest(pg_catalog.pg_blocking_pids(waiting)) as blocking (pid)
$$;
comment on function ledger.waits_for(int) is 'Who holds the lock that a process of the server waits for, in words; null: none.';

-- Who holds a table that a build wants to replace: named for whoever waits, and past a set time ended by these functions alone.
create function ledger.blockers(of_table regclass) returns text
language sql volatile security definer set search_path = '' as $$
    select pg_catalog.pg_stat_clear_snapshot();
    select coalesce(pg_catalog.string_agg(ledger.who_is(l.pid), '; ' order by l.pid), 'nobody any more')
    from pg_catalog.pg_locks as l
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
    -- Asked twice in one transaction, the server says again what it said of sessions at first: a reader whose former
    -- transaction was seen then would be taken for one that never ended.
    perform pg_catalog.pg_stat_clear_snapshot();
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

-- Before PostgreSQL 17 no setting bounds a whole transaction, and a login may always change its own settings.
create function ledger.end_old_readers(older_than interval) returns int
language plpgsql security definer set search_path = '' as $$
declare
    reader record;
    ended int := 0;
begin
    perform pg_catalog.pg_stat_clear_snapshot();
    for reader in
        select
            a.pid,
            a.usename,
            a.application_name,
            a.client_addr,
            a.xact_start
        from pg_catalog.pg_stat_activity as a
        inner join control.database_logins as bound
            on a.usename = bound.login and bound.role in ('analyst', 'tenant')
        where
            a.datname = pg_catalog.current_database() and a.backend_type = 'client backend'
            and a.xact_start < pg_catalog.clock_timestamp() - greatest(older_than, interval '5 seconds')
    loop
        ended := ended + pg_catalog.pg_terminate_backend(reader.pid)::int;
        insert into ledger.audit_log (actor, action, object_table, after)
        values ('serve', 'end_reader', 'pg_stat_activity', pg_catalog.to_jsonb(reader));
    end loop;
    return ended;
exception when insufficient_privilege then
    return 0;  -- an owner without the right to end sessions: the logins' own settings bound them
end
$$;
comment on function ledger.end_old_readers(interval) is
'Ends sessions of readers whose transaction is older, five seconds at least; each is in the audit log.';
