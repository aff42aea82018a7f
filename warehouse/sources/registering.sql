-- name: digests
select
    source,
    digest
from control.sources;

-- name: put_source
insert into control.sources (
    source, provider, raw_schema, raw_table, contract, bills, needs_credential, accounts, enabled_by, scope_kinds,
    facts, components, details_calls, horizon_days, look_back_days, cost_is_of_scope, hook,
    digest
)
values (
    %(source)s, %(provider)s, %(raw_schema)s, %(raw_table)s, %(contract)s, %(bills)s, %(needs_credential)s,
    %(accounts)s, %(enabled_by)s, %(scope_kinds)s, %(facts)s, %(components)s::jsonb, %(details_calls)s,
    %(horizon_days)s, %(look_back_days)s, %(cost_is_of_scope)s, %(hook)s::jsonb, %(digest)s
)
on conflict (source) do update set
    provider = excluded.provider,
    raw_schema = excluded.raw_schema,
    raw_table = excluded.raw_table,
    contract = excluded.contract,
    bills = excluded.bills,
    needs_credential = excluded.needs_credential,
    accounts = excluded.accounts,
    enabled_by = excluded.enabled_by,
    scope_kinds = excluded.scope_kinds,
    facts = excluded.facts,
    components = excluded.components,
    details_calls = excluded.details_calls,
    horizon_days = excluded.horizon_days,
    look_back_days = excluded.look_back_days,
    cost_is_of_scope = excluded.cost_is_of_scope,
    hook = excluded.hook,
    digest = excluded.digest,
    registered_at = clock_timestamp();

-- name: put_scope_kind
insert into control.scope_kinds (kind, provider, rank, is_of_one_row, live_environments)
values (%(kind)s, %(provider)s, %(rank)s, %(is_of_one_row)s, %(live_environments)s)
on conflict (kind) do update set
    provider = excluded.provider,
    rank = excluded.rank,
    is_of_one_row = excluded.is_of_one_row,
    live_environments = excluded.live_environments;

-- name: columns
select
    a.attname::text,
    case t.typname when 'int8' then 'bigint' when 'bool' then 'boolean' else t.typname::text end
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_class as c on a.attrelid = c.oid
inner join pg_catalog.pg_type as t on a.atttypid = t.oid
where c.relnamespace = to_regnamespace(%s) and c.relname = %s and a.attnum > 0 and not a.attisdropped;

-- name: make_schema
create schema if not exists {schema};
comment on schema {schema} is {of_schema};
grant usage on schema {schema} to minutebook_loader, minutebook_transformer;

-- name: make_table
create table {raw} ({columns});

-- name: add_column
alter table {raw} add column {column} {kind};

-- name: make_index
create index if not exists {by_pull} on {raw} (pull_id);

-- name: make_index_by_tenant
create index if not exists {by_tenant} on {raw} (tenant_id, usage_date);

-- name: secure_table
comment on table {raw} is {of_table};
alter table {raw} enable row level security;
alter table {raw} force row level security;
drop policy if exists processes on {raw};
create policy processes on {raw}
to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator using (true) with check (true);
drop policy if exists owner on {raw};
create policy owner on {raw} to current_user using (true) with check (true);
grant select, insert on {raw} to minutebook_loader;
grant select on {raw} to minutebook_transformer;

-- name: make_landing
-- PostgreSQL refuses COPY into a table under row-level security. So rows are copied into a view, whose trigger inserts them
-- with the loader's own rights, under the table's policy. It sets nothing: a setting is set and put back for every row.
drop view if exists {landing};
create view {landing} with (security_invoker = true) as select {shown} from {raw};
create or replace function {land}() returns trigger language plpgsql as $$
begin
    insert into {raw} ({listed}) values ({landed});
    return new;
end
$$;
create trigger land instead of insert on {landing} for each row execute function {land}();
grant insert on {landing} to minutebook_loader;

-- name: comment_column
comment on column {raw}.{column} is {meaning};

-- name: make_union
create or replace view {view} with (security_invoker = true) as {union};
grant select on {view} to minutebook_transformer;

-- name: in_use
-- By source: the accounts that are read today, and when it was last read well.
select
    s.source,
    (
        select count(distinct t.account) from control.tenant_sources as t
        where
            t.source = s.source
            and t.valid_from <= %(today)s
            and %(today)s < coalesce(t.valid_to, 'infinity')
    ) as accounts,
    (
        select max(p.closed_at) from ledger.pulls as p
        where p.source = s.source and p.state in ('published', 'superseded', 'unchanged')
    ) as last_pull
from control.sources as s;
