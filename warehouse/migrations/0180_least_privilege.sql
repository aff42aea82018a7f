-- No login can do more than its work. What everybody may in any database (locks, large objects, temporary tables) is closed by
-- `migrate` each time, since a restored or copied database has forgotten it.

-- Raw rows go by the rule that purges, and by no other way (ledger.purge_raw).
do $$
declare
    raw_schema name;
begin
    for raw_schema in select n.nspname from pg_catalog.pg_namespace as n where n.nspname like 'raw\_%' loop
        execute pg_catalog.format('revoke delete on all tables in schema %I from minutebook_loader', raw_schema);
    end loop;
end
$$;

-- Signing in is the pages' alone: an operator can neither read a hash nor write itself a session.
revoke all on control.login_passwords, control.sessions, control.devices, control.recovery_codes
from minutebook_operator;
revoke insert, delete, update on control.second_factors from minutebook_operator;
grant update (ciphertext, data_key_id) on control.second_factors to minutebook_operator;  -- when keys are rotated
revoke insert, update, delete on control.logins from minutebook_operator;

grant usage on schema control to minutebook_server;
grant select, insert, update on control.logins, control.login_passwords to minutebook_server;
grant select, insert, delete, update (second_factor_at) on control.sessions to minutebook_server;
grant select, insert, update, delete on control.devices, control.second_factors to minutebook_server;
grant select, insert, delete on control.recovery_codes to minutebook_server;
grant select, insert on control.data_keys to minutebook_server;
grant usage on sequence control.data_keys_data_key_id_seq to minutebook_server;
grant select (tenant_id, name) on control.tenants to minutebook_server;
create policy server on control.logins to minutebook_server using (true) with check (true);
create policy server on control.tenants for select to minutebook_server using (true);
create policy server on control.data_keys to minutebook_server using (tenant_id is null) with check (tenant_id is null);

create or replace function ledger.record_audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    secrets constant text[] := '{ciphertext,wrapped_key,password_hash,token_hash}';
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - secrets end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - secrets end;
begin
    insert into ledger.audit_log (actor, action, object_table, tenant_id, before, after)
    values (
        coalesce(nullif(current_setting('minutebook.actor', true), ''), session_user),
        lower(tg_op),
        tg_table_schema || '.' || tg_table_name,
        coalesce(new_row, old_row) ->> 'tenant_id',
        old_row,
        new_row
    );
    return null;
end
$$;
create trigger audit after insert or update or delete on control.login_passwords
for each row execute function ledger.record_audit();
create trigger audit after insert or update or delete on control.sessions
for each row execute function ledger.record_audit();

-- The one thing about logins that is an operator's: a tenant that is closed signs in no more.
create policy owner on control.logins to current_user using (true) with check (true);
create function control.shut_out_tenant(of_tenant text) returns void
language plpgsql security definer set search_path = '' as $$
begin
    delete from control.sessions as s using control.logins as l
    where s.login_id = l.login_id and l.tenant_id = of_tenant;
    delete from control.devices as d using control.logins as l
    where d.login_id = l.login_id and l.tenant_id = of_tenant;
    update control.logins set disabled_at = pg_catalog.now()
    where tenant_id = of_tenant and disabled_at is null;
end
$$;
comment on function control.shut_out_tenant(text) is 'Ends the sessions of a tenant''s logins and disables them; audited.';
revoke execute on function control.shut_out_tenant(text) from public;
grant execute on function control.shut_out_tenant(text) to minutebook_operator;
