-- Whether an attempt is still at work: asked by whoever claims a day, waits for one, or looks for what comes back.
create function ledger.is_alive(attempt bigint) returns boolean language sql stable set search_path = '' as $$
    select exists(
        select from pg_catalog.pg_locks as l
        where
            l.locktype = 'advisory' and l.granted
            and l.database = (
                select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
            )
            and l.classid = 7733 and l.objid = attempt and l.objsubid = 2
    )
$$;
comment on function ledger.is_alive(bigint) is
'True while the attempt''s process holds its session advisory lock (ledger.attempts).';
