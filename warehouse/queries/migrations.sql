-- name: take_lock
set lock_timeout = '60s';
select pg_advisory_lock(77330001);
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
