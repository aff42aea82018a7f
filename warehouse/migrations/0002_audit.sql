-- Who changed what, when and from where; each entry is sealed by a hash over itself and the seal before it, so that a
-- changed, removed or inserted entry shows.
create function ledger.refuse_change() returns trigger language plpgsql set search_path = '' as $$
begin
    raise exception '%.% is insert only', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
end
$$;

create table ledger.audit_log (
    entry_id bigint generated always as identity primary key,
    happened_at timestamptz not null default clock_timestamp(),
    actor text not null,
    action text not null,
    object_table text not null,
    tenant_id text,
    before jsonb,
    after jsonb,
    login text default session_user,
    client inet default inet_client_addr(),
    application text default current_setting('application_name')
);
create index audit_log_of_a_tenant on ledger.audit_log (tenant_id, entry_id);
comment on table ledger.audit_log is 'Who changed what, before and after; never a secret. Insert only.';
comment on column ledger.audit_log.login is 'The login that was connected; actor is who it says is at the keyboard.';
create trigger insert_only before update or delete or truncate on ledger.audit_log
for each statement execute function ledger.refuse_change();

-- A seal is a row of its own, written at commit: the log stays insert only, and writers wait for each other for the moment
-- of their commit alone, always as the last lock they take.
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
create constraint trigger chain after insert on ledger.audit_log deferrable initially deferred
for each row execute function ledger.chain_audit();

-- Each audited table has this as its trigger `audit`.
create function ledger.record_audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    secrets constant text[] := '{ciphertext,wrapped_key,password_hash,token_hash,verifier_digest}';
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
