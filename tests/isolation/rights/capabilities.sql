with roles as (
    select
        r.oid,
        r.rolname
    from pg_catalog.pg_roles as r
    where r.rolname ~ '^minutebook_[a-z]+$'
    union all
    select
        0,
        'public'
),

-- What PostgreSQL itself gives to PUBLIC in its own schemas is taken for known, but for what we close.
relations as (
    select
        c.*,
        n.nspname
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where n.nspname !~ '^(pg_|information_schema$)' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
)

select
    roles.rolname::text as role,
    lower(acl.privilege_type) || ' on' as its_right,
    relations.nspname::text as place,
    relations.relname::text as name
from relations
cross join aclexplode(relations.relacl) as acl
inner join roles on acl.grantee = roles.oid
where acl.grantee <> relations.relowner
union all
select
    roles.rolname::text,
    lower(acl.privilege_type) || ' columns of',
    relations.nspname || '.' || relations.relname,
    a.attname::text
from relations
inner join pg_catalog.pg_attribute as a on relations.oid = a.attrelid
cross join aclexplode(a.attacl) as acl
inner join roles on acl.grantee = roles.oid
where acl.grantee <> relations.relowner
union all
select
    roles.rolname::text,
    lower(acl.privilege_type) || ' on schema',
    n.nspname::text,
    ''
from pg_catalog.pg_namespace as n
cross join aclexplode(n.nspacl) as acl
inner join roles on acl.grantee = roles.oid
where n.nspname !~ '^(pg_|information_schema$)' and acl.grantee <> n.nspowner
union all
select
    roles.rolname::text,
    lower(acl.privilege_type) || ' the database',
    '',
    ''
from pg_catalog.pg_database as d
cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) as acl
inner join roles on acl.grantee = roles.oid
where d.datname = current_database()
union all
select
    roles.rolname::text,
    case when p.prosecdef then 'call with its owner''s rights in' else 'call in' end,
    n.nspname::text,
    p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
inner join roles on acl.grantee = roles.oid
where
    acl.grantee <> p.proowner
    and (
        (n.nspname !~ '^(pg_|information_schema$)' and (acl.grantee <> 0 or p.prosecdef))
        or (n.nspname = 'pg_catalog' and acl.grantee <> 0)
        or p.proname ~ '^(pg_(try_)?advisory_|lo_|loread$|lowrite$|pg_logical_emit_message$|pg_notify$)'
    )
union all
select
    roles.rolname::text,
    'set',
    parameter.parname,
    ''
from pg_catalog.pg_parameter_acl as parameter
cross join aclexplode(parameter.paracl) as acl
inner join roles on acl.grantee = roles.oid
union all
select
    roles.rolname::text,
    'become',
    other.rolname::text,
    ''
from roles
inner join pg_catalog.pg_auth_members as member on roles.oid = member.member
inner join pg_catalog.pg_roles as other on member.roleid = other.oid
union all
select
    roles.rolname::text,
    power.name,
    '',
    ''
from roles
inner join pg_catalog.pg_roles as r on roles.oid = r.oid
cross join
    lateral (
        values (r.rolsuper, 'is a superuser'), (r.rolbypassrls, 'bypasses policies'), (r.rolcreaterole, 'makes roles'),
        (r.rolcreatedb, 'makes databases'), (r.rolreplication, 'replicates'), (r.rolcanlogin, 'logs in')
    ) as power (is_held, name)
where power.is_held
union all
select
    roles.rolname::text,
    'owns in',
    relations.nspname::text,
    ''
from relations
inner join roles on relations.relowner = roles.oid
group by roles.rolname, relations.nspname
