-- What lets a login do more than its work, though it shows nobody a foreign row. As in preflight.sql, a row is a finding.
-- A server of one's own may not let its owner close them: so they keep nobody from being served.

-- name: functions_for_everybody
select
    'everybody may ' || door.what as what,
    'as a superuser: ' || string_agg(
        format('revoke execute on function %s from public', p.oid::regprocedure), '; '
        order by p.oid::regprocedure::text
    ) as fix
from pg_catalog.pg_proc as p
inner join (
    values
    ('^pg_(try_)?advisory_', 'take the locks of processes'),
    ('^(lo_|loread$|lowrite$)', 'make large objects'),
    ('^pg_logical_emit_message$', 'write to the log of changes'),
    ('^pg_notify$', 'fill the queue of notifications')
) as door (pattern, what) on p.proname ~ door.pattern
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
where p.pronamespace = 'pg_catalog'::regnamespace and acl.grantee = 0
group by door.what
order by door.what;

-- name: temporary_tables_for_everybody
select
    'everybody may make temporary tables' as what,
    format('revoke temporary on database %I from public', d.datname) as fix
from pg_catalog.pg_database as d
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as acl
where d.datname = current_database() and acl.grantee = 0 and acl.privilege_type = 'TEMPORARY';

-- name: schemas_for_everybody
select
    format('everybody may make tables in schema %I', n.nspname) as what,
    format('revoke create on schema %I from public', n.nspname) as fix
from pg_catalog.pg_namespace as n
cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as acl
where n.nspname !~ '^pg_' and acl.grantee = 0 and acl.privilege_type = 'CREATE'
order by n.nspname;

-- name: logins_without_bounds
-- A login may change what is set for itself: nothing depends on it, and somebody should know.
select
    format('login %I, which reads, %s', r.rolname, loose.what) as what,
    format('alter role %I %s', r.rolname, loose.fix) as fix
from pg_catalog.pg_roles as r
inner join control.database_logins as bound on r.rolname = bound.login and bound.revoked_at is null
cross join
    lateral (
        values
        (r.rolconnlimit < 0, 'may take all the connections there are', 'connection limit 20'),
        (
            not coalesce('default_transaction_read_only=on' = any(r.rolconfig), false),
            'is not read only by default any more',
            'set default_transaction_read_only = on'
        )
    ) as loose (is_found, what, fix)
where loose.is_found and bound.role in ('analyst', 'tenant')
order by what;

-- name: logins_without_time_limits
-- As `access grant` sets them (warehouse.database.limits).
select
    format('login %I, which reads, may %s', r.rolname, wanted.what) as what,
    format('alter role %I set %s = %L', r.rolname, wanted.name, wanted.value) as fix
from pg_catalog.pg_roles as r
inner join control.database_logins as bound on r.rolname = bound.login and bound.revoked_at is null
cross join (
    values
    ('lock_timeout', '10s', 'wait for a lock for ever'),
    ('statement_timeout', '15min', 'ask what takes for ever'),
    ('idle_in_transaction_session_timeout', '5min', 'leave a transaction open for ever')
) as wanted (name, value, what)
where
    bound.role in ('analyst', 'tenant')
    and not exists (
        select from unnest(r.rolconfig) as setting
        where setting like wanted.name || '=%' and setting !~ '=0[a-z]*$'
    )
order by r.rolname, wanted.name;
