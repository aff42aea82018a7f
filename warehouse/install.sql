-- name: take_lock
set lock_timeout = '60s';
select pg_advisory_lock({lock_migration});
set lock_timeout = '5s';

-- name: make_ledger
create schema if not exists minutebook;
create table if not exists minutebook.migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
);

-- name: applied
select
    name,
    checksum
from minutebook.migrations
order by name;

-- name: record
insert into minutebook.migrations (name, checksum) values (%s, %s);

-- name: make_dagster_schema
create schema if not exists dagster;

-- name: close_doors
-- What PUBLIC may in any database, and nobody here needs: a reader could hold the locks of processes, or fill the disk.
-- Only a superuser may change functions of pg_catalog, and the database's owner who makes temporary tables: where neither is
-- to be had, `minutebook doctor` says what stays open.
do $$
declare
    door record;
    processes constant text := 'minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator,'
    ' minutebook_server';
begin
    for door in
        select
            p.oid::regprocedure::text as name,
            p.proname ~ 'advisory' as is_a_lock
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'pg_catalog'::regnamespace
            and p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$|pg_logical_emit_message$|pg_notify$)'
            and pg_has_role(current_user, p.proowner, 'usage')
    loop
        execute format('revoke execute on function %s from public', door.name);
        if door.is_a_lock then
            execute format('grant execute on function %s to %s', door.name, processes);
        end if;
    end loop;
    if pg_has_role(
        current_user, (select datdba from pg_catalog.pg_database where datname = current_database()), 'usage'
    ) then
        execute format('revoke temporary on database %I from public', current_database());
        execute format('grant temporary on database %I to minutebook_transformer', current_database());
    end if;
end
$$;
