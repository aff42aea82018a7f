-- name: archiver
select
    current_setting('archive_mode') = 'on' as is_on,
    last_archived_time as last_at,
    coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as is_failing
from pg_catalog.pg_stat_archiver;

-- name: is_in_recovery
select pg_catalog.pg_is_in_recovery();

-- name: set_password
alter role postgres password {verifier};
