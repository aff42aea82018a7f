-- Control, ledger and raw are for processes and operators only; a tenant reader and an analyst have no right on them at all.
-- Row-level security is enabled and forced on every table with tenant_id, so that not even the owner reads past a policy.
do $$
declare
    table_name text;
    roles constant text :=
        'minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator';
begin
    for table_name in
        select format('%I.%I', n.nspname, c.relname)
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'tenant_id'
        where n.nspname in ('control', 'ledger', 'raw_vapi', 'raw_voiceflow', 'raw_usage_metrics') and c.relkind = 'r'
    loop
        execute format('alter table %s enable row level security', table_name);
        execute format('alter table %s force row level security', table_name);
        execute format('create policy processes on %s to %s using (true) with check (true)', table_name, roles);
    end loop;
end
$$;
-- The audit trigger writes as the owner, whom forced row-level security would stop where the owner is no superuser.
create policy audit_trigger on ledger.audit_log for insert to current_user with check (true);

grant select on all tables in schema control to minutebook_loader, minutebook_billing, minutebook_operator;
grant insert, update, delete on all tables in schema control to minutebook_operator;
revoke insert, update, delete on control.revision from minutebook_operator;
grant update (verified_at) on control.credentials to minutebook_loader;
-- dbt never reads a secret.
grant select on all tables in schema control to minutebook_transformer;
revoke select on control.credentials, control.data_keys from minutebook_transformer, minutebook_billing;
grant select (credential_id, tenant_id, provider, settings, used_from, created_at, verified_at, retired_at)
on control.credentials to minutebook_transformer;

grant select on all tables in schema ledger to
minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert, update on ledger.attempts, ledger.pulls to minutebook_loader;
grant insert, update on ledger.periods to minutebook_operator;
grant insert, delete on ledger.statement_lines to minutebook_operator;

grant select, insert, delete on all tables in schema raw_vapi, raw_voiceflow, raw_usage_metrics to minutebook_loader;
grant select on all tables in schema raw_vapi, raw_voiceflow, raw_usage_metrics to minutebook_transformer;
