-- What would let somebody see what is not theirs. Every statement names what is wrong and how to fix it; no row: all is well.

-- name: tables_without_a_forced_policy
select
    format('table %I.%I holds rows of tenants without forced row-level security', n.nspname, c.relname) as what,
    case
        when n.nspname = 'marts' then 'move its model to models/marts/'
        else format('alter table %I.%I enable row level security, force row level security', n.nspname, c.relname)
    end as fix
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attname = 'tenant_id' and not a.attisdropped
where
    n.nspname ~ '^(control|ledger|intake|raw_.+|marts)$'
    and c.relkind in ('r', 'p')
    and not (c.relrowsecurity and c.relforcerowsecurity)
order by what;

-- name: policies_that_show_a_tenant_more
select
    format('policy %I on %I.%I shows a tenant other rows than its own', p.polname, n.nspname, c.relname) as what,
    format('drop policy %I on %I.%I', p.polname, n.nspname, c.relname) as fix
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on p.polrelid = c.oid
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    n.nspname ~ '^(control|ledger|intake|raw_.+|marts)$'
    and p.polpermissive
    and (0 = any(p.polroles) or 'minutebook_tenant'::regrole = any(p.polroles))
    and regexp_replace(pg_get_expr(p.polqual, p.polrelid), '\s+', ' ', 'g')
    <> '(tenant_id = ( SELECT control.reading_tenant() AS reading_tenant))'
order by what;

-- name: tables_of_nobody_that_a_tenant_reads
select
    format('a tenant may read %I.%I, which has no tenant_id to tell whose a row is', n.nspname, c.relname) as what,
    format('revoke all on %I.%I from minutebook_tenant, public', n.nspname, c.relname) as fix
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    n.nspname ~ '^(control|ledger|intake|marts|staging|intermediate)$'
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and has_any_column_privilege('minutebook_tenant', c.oid, 'select')
    and not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'tenant_id'
    )
order by what;

-- name: views_past_policies
select
    format('view %I.%I reads with its owner''s rights, past every policy', n.nspname, c.relname) as what,
    case
        when c.relkind = 'm' then format('drop materialized view %I.%I and make it a table', n.nspname, c.relname)
        else format('alter view %I.%I set (security_invoker = true)', n.nspname, c.relname)
    end as fix
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    n.nspname ~ '^(control|ledger|intake|raw_.+|staging|intermediate|marts)$'
    and (
        c.relkind = 'm'
        or (c.relkind = 'v' and not coalesce(c.reloptions && '{security_invoker=true,security_invoker=on}', false))
    )
order by what;

-- name: functions_that_can_be_misled
with definers as (
    select
        p.oid::regprocedure as name,
        coalesce(p.proconfig::text, '') not like '%search\_path=%' as is_unpinned,
        acl.grantee = 0 as is_everybodys
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
    cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
    where n.nspname ~ '^(control|ledger|intake|raw_.+|marts)$' and p.prosecdef
)

select
    format('function %s runs with its owner''s rights, and looks names up by its caller''s path', definers.name)
        as what,
    format('alter function %s set search_path = ''''', definers.name) as fix
from definers
where definers.is_unpinned
union
select
    format('function %s runs with its owner''s rights, and anybody may call it', definers.name) as what,
    format('revoke execute on function %s from public', definers.name) as fix
from definers
where definers.is_everybodys
order by what;

-- name: roles_past_policies
select
    format('role %I is %s', r.rolname, power.power) as what,
    format('as a superuser: alter role %I %s', r.rolname, power.fix) as fix
from pg_catalog.pg_roles as r
cross join
    lateral (
        values
        (r.rolsuper, 'a superuser, whom no policy binds', 'nosuperuser'),
        (r.rolbypassrls, 'BYPASSRLS, so no policy binds it', 'nobypassrls'),
        (r.rolcreaterole, 'CREATEROLE: it can give itself further rights', 'nocreaterole'),
        (r.rolreplication, 'REPLICATION: it can copy the whole server', 'noreplication'),
        (r.rolcanlogin and r.rolname ~ '^minutebook_[a-z]+$', 'able to log in, and is shared by logins', 'nologin')
    ) as power (is_held, power, fix)
where
    power.is_held
    and r.oid <> (
        select house.nspowner from pg_catalog.pg_namespace as house
        where house.nspname = 'control'
    )
    and (
        r.rolname ~ '^minutebook_(loader|transformer|billing|operator|analyst|tenant|server|searcher|intake)$'
        -- Who may grant a role administers it: the owner of another Minutebook on the same server.
        or false = (
            select bool_or(m.admin_option) from pg_catalog.pg_auth_members as m
            inner join pg_catalog.pg_roles as g on m.roleid = g.oid
            where
                m.member = r.oid
                and g.rolname
                ~ '^minutebook_(loader|transformer|billing|operator|analyst|tenant|server|searcher|intake)$'
        )
    )
order by what;

-- name: logins_with_more_than_they_need
with recursive memberships as (
    select
        m.member,
        m.roleid
    from pg_catalog.pg_auth_members as m
    union
    select
        memberships.member,
        further.roleid
    from memberships
    inner join pg_catalog.pg_auth_members as further on memberships.roleid = further.member
),

held as (
    select
        r.oid,
        r.rolname,
        array_agg(distinct g.rolname::text) as roles
    from pg_catalog.pg_roles as r
    inner join memberships on r.oid = memberships.member
    inner join pg_catalog.pg_roles as g on memberships.roleid = g.oid
    where
        not r.rolsuper
        and r.oid <> (
            select house.nspowner from pg_catalog.pg_namespace as house
            where house.nspname = 'control'
        )
    group by r.oid, r.rolname
),

excess as (
    select
        rolname,
        unnest(roles) as role
    from held
    where
        roles && '{minutebook_tenant,minutebook_analyst}'
        and not roles @> '{minutebook_server}'
    union all
    select
        rolname,
        role
    from held
    cross join unnest(roles) as role
    where role like 'pg\_%' and exists (
        select from unnest(roles) as ours
        where ours like 'minutebook\_%'
    )
)

select distinct
    format('login %I may act as %s besides reading', rolname, role) as what,
    format('revoke %I from %I', role, rolname) as fix
from excess
where
    role <> 'minutebook_analyst'
    and not (
        role = 'minutebook_tenant'
        and not exists (
            select from held
            where held.rolname = excess.rolname and held.roles @> '{minutebook_analyst}'
        )
    )
order by what;

-- name: owners_that_are_readers
select distinct
    format('role %I owns %I.%I, and an owner can lift its policies', r.rolname, n.nspname, c.relname) as what,
    format('alter table %I.%I owner to minutebook_transformer', n.nspname, c.relname) as fix
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_roles as r on c.relowner = r.oid
where
    n.nspname ~ '^(control|ledger|intake|automations|raw_.+|staging|intermediate|marts)$'
    and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not r.rolsuper
    and c.relowner not in (
        (
            select house.nspowner from pg_catalog.pg_namespace as house
            where house.nspname = 'control'
        ), 'minutebook_transformer'::regrole
    )
order by what;

-- name: privileges_beyond_need
with allowed (role, schema_name, privileges) as (
    values
    ('minutebook_tenant', 'marts', '{SELECT}'::text[]),
    ('minutebook_analyst', 'marts', '{SELECT}'),
    ('minutebook_loader', 'marts', '{SELECT}'),
    ('minutebook_billing', 'marts', '{SELECT}'),
    ('minutebook_operator', 'marts', '{SELECT}'),
    ('minutebook_loader', 'control', '{SELECT}'),
    ('minutebook_transformer', 'control', '{SELECT}'),
    ('minutebook_billing', 'control', '{SELECT}'),
    ('minutebook_operator', 'control', '{SELECT,INSERT,UPDATE,DELETE}'),
    ('minutebook_loader', 'ledger', '{SELECT,INSERT,UPDATE}'),
    ('minutebook_transformer', 'ledger', '{SELECT}'),
    ('minutebook_billing', 'ledger', '{SELECT,INSERT,UPDATE,DELETE}'),
    ('minutebook_operator', 'ledger', '{SELECT,INSERT,UPDATE,DELETE}'),
    ('minutebook_server', 'control', '{SELECT,INSERT,UPDATE,DELETE}'),
    ('minutebook_intake', 'intake', '{SELECT,INSERT}'),
    ('minutebook_tenant', 'intake', '{SELECT}'),
    ('minutebook_intake', 'ledger', '{INSERT}'),
    ('minutebook_loader', 'intake', '{SELECT}'),
    ('minutebook_operator', 'intake', '{SELECT,UPDATE}'),
    ('minutebook_automations', 'automations', '{SELECT,INSERT,UPDATE}'),
    ('minutebook_loader', 'automations', '{SELECT}'),
    ('minutebook_loader', 'raw', '{SELECT,INSERT}'),
    ('minutebook_transformer', 'raw', '{SELECT}'),
    ('minutebook_transformer', 'contracts', '{SELECT}')
),

secret (schema_name, relation, role) as (
    values
    ('control', 'credentials', 'minutebook_loader'),
    ('control', 'credentials', 'minutebook_operator'),
    ('control', 'credential_candidates', 'minutebook_operator'),
    ('control', 'data_keys', 'minutebook_loader'),
    ('control', 'data_keys', 'minutebook_operator'),
    ('control', 'login_passwords', 'minutebook_server'),
    ('control', 'devices', 'minutebook_server'),
    ('control', 'second_factors', 'minutebook_operator'),
    ('control', 'second_factors', 'minutebook_server'),
    ('control', 'data_keys', 'minutebook_server'),
    ('control', 'recovery_codes', 'minutebook_server'),
    ('control', 'sessions', 'minutebook_server'),
    ('control', 'api_keys', 'minutebook_operator'),
    ('control', 'hooks', 'minutebook_operator'),
    ('marts', 'fct_call_texts', 'minutebook_operator'),
    ('marts', 'fct_call_texts', 'minutebook_searcher'),
    ('ledger', 'audit_log', 'minutebook_operator'),
    ('ledger', 'audit_chain', 'minutebook_operator')
),

granted as (
    select
        n.nspname,
        c.relname,
        coalesce(r.rolname, 'public') as role,
        acl.privilege_type,
        false as is_column
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    cross join aclexplode(c.relacl) as acl
    left join pg_catalog.pg_roles as r on acl.grantee = r.oid
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and acl.grantee <> c.relowner
    union all
    select
        n.nspname,
        c.relname,
        coalesce(r.rolname, 'public') as role,
        acl.privilege_type,
        true as is_column
    from pg_catalog.pg_attribute as a
    inner join pg_catalog.pg_class as c on a.attrelid = c.oid
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    cross join aclexplode(a.attacl) as acl
    left join pg_catalog.pg_roles as r on acl.grantee = r.oid
    where acl.grantee <> c.relowner
)

select distinct
    format(
        '%s may %s %I.%I, which it does not need', granted.role, lower(granted.privilege_type), granted.nspname,
        granted.relname
    ) as what,
    format(
        'revoke %s on %I.%I from %s', lower(granted.privilege_type), granted.nspname, granted.relname, granted.role
    ) as fix
from granted
where
    (
        granted.nspname in (
            'control', 'ledger', 'intake', 'automations', 'contracts', 'staging', 'intermediate', 'marts'
        )
        or granted.nspname like 'raw\_%'
    )
    -- Its only update: that a key was accepted.
    and not (
        granted.is_column and granted.role = 'minutebook_loader' and granted.relname = 'credentials'
        and granted.privilege_type = 'UPDATE'
    )
    -- Who builds notes each build and how it ended.
    and not (
        granted.role = 'minutebook_transformer' and granted.nspname = 'ledger' and granted.relname = 'builds'
        and granted.privilege_type in ('INSERT', 'UPDATE')
    )
    -- Its functions find words there, of one tenant at a time, and read nothing else.
    and not (
        granted.role = 'minutebook_searcher' and granted.nspname = 'marts' and granted.relname = 'fct_call_texts'
        and granted.privilege_type = 'SELECT'
    )
    and (
        not exists (
            select from allowed
            where
                allowed.role = granted.role
                and allowed.schema_name = regexp_replace(granted.nspname, '^raw_.*', 'raw')
                and granted.privilege_type = any(allowed.privileges)
        )
        or (
            not granted.is_column
            and exists (
                select from secret
                where secret.schema_name = granted.nspname and secret.relation = granted.relname
            )
            and not exists (
                select from secret
                where
                    secret.schema_name = granted.nspname
                    and secret.relation = granted.relname
                    and secret.role = granted.role
            )
        )
    )
order by what;

-- name: doors_left_open
select
    format('%s may create in schema %I', coalesce(r.rolname, 'public'), n.nspname) as what,
    format('revoke create on schema %I from %s', n.nspname, coalesce(quote_ident(r.rolname), 'public')) as fix
from pg_catalog.pg_namespace as n
cross join aclexplode(n.nspacl) as acl
left join pg_catalog.pg_roles as r on acl.grantee = r.oid
where
    n.nspname ~ '^(control|ledger|intake|raw_.+|staging|intermediate|marts)$'
    and acl.privilege_type = 'CREATE'
    and acl.grantee <> n.nspowner
union all
select
    format('new objects in schema %I are granted to %s before any policy is on them', n.nspname, acl.grantee::regrole)
        as what,
    format(
        'alter default privileges for role %s in schema %I revoke all on tables from %s',
        d.defaclrole::regrole, n.nspname, acl.grantee::regrole
    ) as fix
from pg_catalog.pg_default_acl as d
inner join pg_catalog.pg_namespace as n on d.defaclnamespace = n.oid
cross join aclexplode(d.defaclacl) as acl
where
    n.nspname ~ '^(control|ledger|intake|raw_.+|staging|intermediate|marts)$'
    and acl.grantee <> d.defaclrole
order by what;

-- name: reader
-- The role it acts as, and the login behind it, which RESET ROLE brings back.
with house as (
    select nspowner from pg_catalog.pg_namespace
    where nspname = 'control'
)

select
    session_user::text as login,
    current_user::text as role,
    coalesce((
        select rolsuper or rolbypassrls from pg_catalog.pg_roles
        where rolname = current_user
    ), true)
    or pg_has_role(current_user, (select nspowner from house), 'usage') as is_unbound,
    coalesce((
        select rolsuper or rolbypassrls from pg_catalog.pg_roles
        where rolname = session_user
    ), true)
    or pg_has_role(session_user, (select nspowner from house), 'member') as may_become_unbound;

-- name: name_the_tenant
select set_config('minutebook.tenant_id', %(tenant_id)s, true);

-- name: is_built
select to_regclass('marts.dim_tenants') is not null as is_built;

-- name: other_tenants
select tenant_id from marts.dim_tenants
where tenant_id <> %(tenant_id)s
limit 1;
