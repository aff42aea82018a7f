-- Whose rows a reader sees is bound to the login it came in with, which SET cannot change. Only a login that may act as
-- minutebook_server, which serves many tenants one request at a time, names the tenant itself (minutebook.tenant_id).
do $$
begin
    begin
        create role minutebook_server nologin;
    exception when duplicate_object or unique_violation then null;
    end;
    grant minutebook_server to current_user;
end
$$;

create table control.database_logins (
    login name primary key,
    role text not null check (role in (
        'loader', 'transformer', 'billing', 'operator', 'analyst', 'tenant', 'server'
    )),
    tenant_id text references control.tenants,
    granted_at timestamptz not null default now(),
    revoked_at timestamptz,
    check ((role = 'tenant') = (tenant_id is not null))
);
comment on table control.database_logins is
'Logins of PostgreSQL that `minutebook access grant` made, for people, tools and tenants. No password: PostgreSQL keeps its'
' SCRAM verifier.';
create trigger audit after insert or update or delete on control.database_logins
for each row execute function ledger.record_audit();
alter table control.database_logins enable row level security;
alter table control.database_logins force row level security;
create policy processes on control.database_logins for select to minutebook_operator using (true);
-- The owner, whom forced row-level security binds too: it grants and revokes, and the function below reads as it.
create policy owner on control.database_logins to current_user using (true) with check (true);
grant select on control.database_logins to minutebook_operator;

create function control.reading_tenant() returns text
language sql stable parallel safe security definer set search_path = '' as $$
    select coalesce(
        (
            select bound.tenant_id
            from control.database_logins as bound
            where bound.login = session_user and bound.role = 'tenant' and bound.revoked_at is null
        ),
        case
            when pg_catalog.pg_has_role(session_user, 'minutebook_server', 'member')
                then nullif(pg_catalog.current_setting('minutebook.tenant_id', true), '')
        end
    )
$$;
comment on function control.reading_tenant() is
'The tenant of the login that is connected; null, so no row at all, for a login that is bound to none.';
revoke execute on function control.reading_tenant() from public;
grant execute on function control.reading_tenant() to minutebook_tenant;

-- These run with their owner's rights, so they are nobody's to call but their triggers'.
revoke execute on function ledger.record_audit(), control.advance_revision() from public;
-- Who changed what, and from which price to which, is nothing that loading, building or posting needs.
revoke select on ledger.audit_log from minutebook_loader, minutebook_transformer, minutebook_billing;
