-- From each reader to everything that it can reach, in any schema and of any owner. As in preflight.sql, a row is a flaw.

-- name: views_that_show_past_policies
-- From each reader, by whatever role it may become, through what reads with its owner's rights, to what is ours.
with recursive readers as (
    select
        r.oid,
        r.rolname,
        not pg_has_role(r.oid, 'minutebook_analyst', 'member') as is_tenant
    from pg_catalog.pg_roles as r
    where
        not r.rolsuper
        and (pg_has_role(r.oid, 'minutebook_tenant', 'member') or pg_has_role(r.oid, 'minutebook_analyst', 'member'))
        and not pg_has_role(r.oid, 'minutebook_server', 'member')
),

relations as (
    select
        c.oid,
        c.relkind,
        c.relowner,
        n.oid as schema_oid,
        n.nspname,
        c.relname,
        n.nspname ~ '^(control|ledger|intake|raw_.+|staging|intermediate|marts)$' as is_ours,
        c.relkind = 'm'
        or (c.relkind = 'v' and not coalesce(c.reloptions && '{security_invoker=true,security_invoker=on}', false))
            as has_its_owners_rights
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema$)'
),

reads as (
    select distinct
        rule.ev_class as reading,
        depends.refobjid as is_read
    from pg_catalog.pg_rewrite as rule
    inner join pg_catalog.pg_depend as depends
        on
            rule.oid = depends.objid
            and depends.classid = 'pg_rewrite'::regclass
            and depends.refclassid = 'pg_class'::regclass
            and depends.refobjid <> rule.ev_class
),

walk as (
    select
        relations.oid as begun_at,
        reads.is_read,
        relations.relowner as acting
    from relations
    inner join reads on relations.oid = reads.reading
    where relations.has_its_owners_rights
    union
    select
        walk.begun_at,
        reads.is_read,
        case when relations.has_its_owners_rights then relations.relowner else walk.acting end as acting
    from walk
    inner join relations on walk.is_read = relations.oid
    inner join reads on relations.oid = reads.reading
),

shown as (
    select distinct
        begun.oid,
        begun.nspname,
        begun.relname,
        begun.relkind,
        begun.schema_oid,
        walk.acting,
        reached.nspname as reached_schema,
        reached.relname as reached_name
    from walk
    inner join relations as begun on walk.begun_at = begun.oid
    inner join relations as reached on walk.is_read = reached.oid
    where reached.is_ours and reached.relkind <> 'v' and has_any_column_privilege(walk.acting, reached.oid, 'select')
)

select distinct on (shown.nspname, shown.relname)
    format(
        'view %I.%I shows %s rows of %I.%I with the rights of %s, past its policies', shown.nspname, shown.relname,
        readers.rolname, shown.reached_schema, shown.reached_name, shown.acting::regrole
    ) as what,
    case
        when shown.relkind = 'm'
            then format('drop materialized view %I.%I and make it a table', shown.nspname, shown.relname)
        else format('alter view %I.%I set (security_invoker = true)', shown.nspname, shown.relname)
    end as fix
from shown
cross join readers
inner join pg_catalog.pg_roles as become on pg_has_role(readers.oid, become.oid, 'member')
where
    (readers.is_tenant or shown.reached_schema <> 'marts')
    and has_schema_privilege(become.oid, shown.schema_oid, 'usage')
    and has_any_column_privilege(become.oid, shown.oid, 'select')
order by shown.nspname, shown.relname, readers.rolname, shown.reached_schema, shown.reached_name;

-- name: relations_outside_that_a_tenant_reads
-- Copies of rows bear no policy; what other programs show everybody is theirs, unless it says whose each row is.
with tenants as (
    select
        r.oid,
        r.rolname
    from pg_catalog.pg_roles as r
    where
        not r.rolsuper
        and pg_has_role(r.oid, 'minutebook_tenant', 'member')
        and not pg_has_role(r.oid, 'minutebook_server', 'member')
        and not pg_has_role(r.oid, 'minutebook_analyst', 'member')
),

granted as (
    select
        c.oid,
        n.nspname,
        c.relname,
        n.oid as schema_oid,
        acl.grantee,
        c.relkind in ('r', 'p', 'm', 'f')
        and not c.relrowsecurity
        and exists (
            select from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        ) as holds_rows_of_tenants
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    cross join
        lateral (
            select of_table.grantee
            from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as of_table
            where of_table.privilege_type = 'SELECT'
            union
            select of_column.grantee
            from pg_catalog.pg_attribute as a
            cross join aclexplode(a.attacl) as of_column
            where a.attrelid = c.oid and of_column.privilege_type = 'SELECT'
        ) as acl
    where
        c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname !~ '^(pg_.*|information_schema|control|ledger|intake|raw_.+|staging|intermediate|marts)$'
)

select distinct
    format('%s may read %I.%I, which no policy of ours protects', tenants.rolname, granted.nspname, granted.relname)
        as what,
    format(
        'revoke all on %I.%I from %s', granted.nspname, granted.relname,
        case when granted.grantee = 0 then 'public' else granted.grantee::regrole::text end
    ) as fix
from granted
cross join tenants
where
    case
        when granted.grantee = 0 then granted.holds_rows_of_tenants
        else pg_has_role(tenants.oid, granted.grantee, 'member')
    end
    and exists (
        select from pg_catalog.pg_roles as become
        where
            pg_has_role(tenants.oid, become.oid, 'member')
            and has_schema_privilege(become.oid, granted.schema_oid, 'usage')
    )
order by what;

-- name: functions_that_show_past_policies
-- What a function reads cannot be told from its text: it is enough that its owner can read what is ours.
with readers as (
    select
        r.oid,
        r.rolname
    from pg_catalog.pg_roles as r
    where
        not r.rolsuper
        and (pg_has_role(r.oid, 'minutebook_tenant', 'member') or pg_has_role(r.oid, 'minutebook_analyst', 'member'))
        and not pg_has_role(r.oid, 'minutebook_server', 'member')
),

definers as (
    select
        p.oid,
        p.proowner,
        n.oid as schema_oid,
        acl.grantee
    from pg_catalog.pg_proc as p
    inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
    cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
    where
        p.prosecdef
        and n.nspname !~ '^(pg_|information_schema$)'
        and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
        -- The one way past a policy there is: its owner reads one table, and its query names the tenant of the login.
        and not (
            p.proowner = 'minutebook_searcher'::regrole
            and n.nspname = 'marts'
            and p.proname = 'search_calls'
            -- By what it takes: to look it up by name, one has to be allowed into its schema.
            and oidvectortypes(p.proargtypes)
            = 'text, date, date, integer, text, text, text, text, text, text, integer, integer, date,'
            ' timestamp with time zone, text, text'
        )
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
        )
        and exists (
            select
            from pg_catalog.pg_class as c
            inner join pg_catalog.pg_namespace as ours on c.relnamespace = ours.oid
            where
                ours.nspname ~ '^(control|ledger|intake|raw_.+|staging|intermediate|marts)$'
                and c.relkind in ('r', 'p', 'v', 'm', 'f')
                and has_any_column_privilege(p.proowner, c.oid, 'select')
        )
)

select distinct on (definers.oid, definers.grantee)
    format(
        'function %s runs with the rights of %s, and %s may call it', definers.oid::regprocedure,
        definers.proowner::regrole, readers.rolname
    ) as what,
    format(
        'revoke execute on routine %s from %s', definers.oid::regprocedure,
        case when definers.grantee = 0 then 'public' else definers.grantee::regrole::text end
    ) as fix
from definers
cross join readers
where
    (definers.grantee = 0 or pg_has_role(readers.oid, definers.grantee, 'member'))
    and exists (
        select from pg_catalog.pg_roles as become
        where
            pg_has_role(readers.oid, become.oid, 'member')
            and has_schema_privilege(become.oid, definers.schema_oid, 'usage')
    )
order by definers.oid, definers.grantee, readers.rolname;
