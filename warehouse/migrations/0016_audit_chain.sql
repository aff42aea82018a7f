-- From where, besides who and what; and each entry sealed by a hash over itself and the seal before it, so that a changed,
-- removed or inserted entry shows. The seal is a row of its own, written at commit: the log stays insert only, and writers
-- wait for each other for the moment of their commit alone, always as the last lock they take.
alter table ledger.audit_log add column login text;
alter table ledger.audit_log add column client inet;
alter table ledger.audit_log add column application text;
alter table ledger.audit_log alter column login set default session_user;
alter table ledger.audit_log alter column client set default inet_client_addr();
alter table ledger.audit_log alter column application set default current_setting('application_name');
comment on column ledger.audit_log.login is 'The login that was connected; actor is who it says is at the keyboard.';
create index audit_log_of_a_tenant on ledger.audit_log (tenant_id, entry_id);

create table ledger.audit_chain (
    position bigint primary key,
    entry_id bigint not null unique references ledger.audit_log,
    previous_hash bytea not null,
    entry_hash bytea not null
);
comment on table ledger.audit_chain is
'One seal per entry of the audit log, in order of commit. The last entry_hash stands for all before it: kept elsewhere, it'
' shows too when the end was cut off. Insert only.';
create trigger insert_only before update or delete or truncate on ledger.audit_chain
for each statement execute function ledger.refuse_change();

create function ledger.audit_hash(previous_hash bytea, entry ledger.audit_log) returns bytea
language sql immutable set search_path = '' as $$
    select pg_catalog.sha256(
        previous_hash || pg_catalog.convert_to(
            pg_catalog.jsonb_build_array(
                entry.entry_id, extract(epoch from entry.happened_at), entry.actor, entry.action, entry.object_table,
                entry.tenant_id, entry.before, entry.after, entry.login, entry.client, entry.application
            )::text,
            'UTF8'
        )
    )
$$;
revoke execute on function ledger.audit_hash(bytea, ledger.audit_log) from public;
grant execute on function ledger.audit_hash(bytea, ledger.audit_log) to minutebook_operator;

create function ledger.chain_audit() returns trigger language plpgsql security definer set search_path = '' as $$
declare
    last ledger.audit_chain;
begin
    perform pg_catalog.pg_advisory_xact_lock(7740, 0);
    select * into last from ledger.audit_chain order by position desc limit 1;
    insert into ledger.audit_chain (position, entry_id, previous_hash, entry_hash)
    values (
        coalesce(last.position, 0) + 1,
        new.entry_id,
        coalesce(last.entry_hash, ''),
        ledger.audit_hash(coalesce(last.entry_hash, ''), new)
    );
    return null;
end
$$;
revoke execute on function ledger.chain_audit() from public;

-- The owner, whom forced row-level security binds too, seals what was written before, and looks up what was used.
create policy owner on ledger.audit_log for select to current_user using (true);
create policy owner on control.credentials for select to current_user using (true);
do $$
declare
    entry ledger.audit_log;
    last_hash bytea := '';
    last_position bigint := 0;
begin
    for entry in select * from ledger.audit_log order by entry_id loop
        last_position := last_position + 1;
        insert into ledger.audit_chain (position, entry_id, previous_hash, entry_hash)
        values (last_position, entry.entry_id, last_hash, ledger.audit_hash(last_hash, entry))
        returning entry_hash into last_hash;
    end loop;
end
$$;
create constraint trigger chain after insert on ledger.audit_log deferrable initially deferred
for each row execute function ledger.chain_audit();
grant select on ledger.audit_chain to minutebook_operator;

create function ledger.record_credential_use(used_credential_id bigint) returns void
language sql security definer set search_path = '' as $$
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    select
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user),
        'use',
        'control.credentials',
        used.tenant_id,
        pg_catalog.jsonb_build_object(
            'credential_id', used.credential_id, 'provider', used.provider, 'fingerprint', used.fingerprint
        )
    from control.credentials as used
    where used.credential_id = used_credential_id
$$;
comment on function ledger.record_credential_use(bigint) is 'Called whenever a secret is opened, before it is.';
revoke execute on function ledger.record_credential_use(bigint) from public;
grant execute on function ledger.record_credential_use(bigint) to minutebook_loader, minutebook_operator;
