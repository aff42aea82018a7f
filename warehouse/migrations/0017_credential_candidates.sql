-- While a credential is rotated its successor waits here, sealed as it will be, and the former stays in use. It becomes the
-- credential in one transaction, when the provider has accepted it.
create table control.credential_candidates (
    credential_id bigint primary key,
    tenant_id text references control.tenants,
    provider text not null check (provider in ('vapi', 'voiceflow')),
    data_key_id bigint not null references control.data_keys,
    ciphertext bytea not null,
    fingerprint text not null,
    created_at timestamptz not null default now()
);
create unique index credential_candidates_one_each
on control.credential_candidates (coalesce(tenant_id, 'platform'), provider);
comment on table control.credential_candidates is
'credential_id is the id it will have: the ciphertext is bound to it.';
create trigger audit after insert or update or delete on control.credential_candidates
for each row execute function ledger.record_audit();
alter table control.credential_candidates enable row level security;
alter table control.credential_candidates force row level security;
create policy processes on control.credential_candidates to minutebook_operator using (true) with check (true);
grant select, insert, update, delete on control.credential_candidates to minutebook_operator;
create policy owner on control.credential_candidates for select to current_user using (true);

create or replace function ledger.record_credential_use(used_credential_id bigint) returns void
language sql security definer set search_path = '' as $$
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    select
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user),
        'use',
        used.object_table,
        used.tenant_id,
        pg_catalog.jsonb_build_object(
            'credential_id', used.credential_id, 'provider', used.provider, 'fingerprint', used.fingerprint
        )
    from (
        select 'control.credentials' as object_table, credential_id, tenant_id, provider, fingerprint
        from control.credentials
        union all
        select 'control.credential_candidates', credential_id, tenant_id, provider, fingerprint
        from control.credential_candidates
    ) as used
    where used.credential_id = used_credential_id
$$;
