-- name: is_migrated
select
    to_regclass('minutebook.migrations') is not null
    and to_regclass('control.tenant_sources') is not null as is_migrated;

-- name: applied
select name from minutebook.migrations;

-- name: powerful_readers
select rolname as role
from pg_catalog.pg_roles
where
    rolname in ('minutebook_analyst', 'minutebook_tenant', 'minutebook_operator', 'minutebook_loader')
    and (rolsuper or rolbypassrls);

-- name: unprotected_tables
select n.nspname || '.' || c.relname as relation
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attname = 'tenant_id' and not a.attisdropped
where
    n.nspname in ('control', 'ledger', 'raw_vapi', 'raw_voiceflow', 'raw_usage_metrics', 'marts')
    and c.relkind in ('r', 'p')
    and not (c.relrowsecurity and c.relforcerowsecurity)
order by relation;

-- name: views_past_policies
select n.nspname || '.' || c.relname as relation
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
inner join pg_catalog.pg_attribute as a on c.oid = a.attrelid and a.attname = 'tenant_id'
where
    n.nspname in ('control', 'ledger', 'marts')
    and c.relkind = 'v'
    and not coalesce('security_invoker=true' = any(c.reloptions) or 'security_invoker=on' = any(c.reloptions), false)
order by relation;

-- name: sources_in_use
select distinct source from control.tenant_sources
where valid_to is null or valid_to > %(today)s;

-- name: tenants_without_credential
select distinct
    t.tenant_id,
    t.source
from control.tenant_sources as t
where
    t.source in ('vapi', 'voiceflow')
    and (t.valid_to is null or t.valid_to > %(today)s)
    and not exists (
        select 1 from control.credentials as c
        where
            c.retired_at is null
            and c.provider = t.source
            and (c.tenant_id = t.tenant_id or (c.tenant_id is null and t.account = 'platform'))
    )
order by t.tenant_id, t.source;
