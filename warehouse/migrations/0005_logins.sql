-- Who may sign in to the pages: passwords as Argon2id, devices that signed in before, a second factor, sessions that can be
-- told apart. Sessions and devices are kept as hashes, so that reading this database lets nobody in.

create table control.logins (
    login_id text primary key check (login_id ~ '^[a-z0-9][a-z0-9@._+-]{0,253}$'),
    role text not null check (role in ('operator', 'finance', 'tenant')),
    tenant_id text references control.tenants,
    created_at timestamptz not null default now(),
    password_set_at timestamptz,
    disabled_at timestamptz,
    second_factor_at timestamptz,
    recovery_codes_left int not null default 0,
    check ((role = 'tenant') = (tenant_id is not null))
);
comment on table control.logins is
'One row per person who may sign in. operator and finance see all tenants; a tenant''s login sees its tenant only.';
-- With it is audited who set up a second factor, who reset it, and who used a recovery code.
create trigger audit after insert or update or delete on control.logins
for each row execute function ledger.record_audit();

create table control.login_passwords (
    login_id text primary key references control.logins,
    password_hash text not null
);
comment on table control.login_passwords is 'Argon2id with its salt and parameters, as argon2-cffi writes them.';
create trigger audit after insert or update or delete on control.login_passwords
for each row execute function ledger.record_audit();

create table control.sessions (
    token_hash bytea primary key,
    login_id text not null references control.logins,
    started_at timestamptz not null default now(),
    expires_at timestamptz not null,
    session_id uuid not null default gen_random_uuid() unique,
    client text not null default '',
    browser text not null default '',
    second_factor_at timestamptz
);
create index sessions_of_a_login on control.sessions (login_id);
comment on column control.sessions.second_factor_at is
'When a one-time code was given; until then a session of finance or an operator opens nothing.';
create trigger audit after insert or update or delete on control.sessions
for each row execute function ledger.record_audit();

create table control.devices (
    device_hash bytea primary key,
    login_id text not null references control.logins,
    seen_at timestamptz not null default now()
);
create index devices_of_a_login on control.devices (login_id);
comment on table control.devices is
'Browsers that signed in as a login: wrong passwords typed elsewhere never make them wait. The hash of a cookie.';

create table control.second_factors (
    login_id text primary key references control.logins,
    data_key_id bigint not null references control.data_keys,
    ciphertext bytea not null,
    proposed_in bytea not null,
    last_step bigint not null default 0,
    confirmed_at timestamptz
);
comment on column control.second_factors.proposed_in is
'The session that was shown the secret, as it is kept; until a code confirms it, another session is shown another secret.';
comment on table control.second_factors is
'The secret of an authenticator, sealed in the vault. last_step: of the newest code taken, so that none is taken twice.';

create table control.recovery_codes (
    login_id text not null references control.logins,
    code_hash bytea not null,
    primary key (login_id, code_hash)
);
comment on table control.recovery_codes is 'Each signs in once in place of a one-time code; a used one is deleted.';

create table control.login_links (
    login_id text primary key references control.logins,
    token_hash bytea not null unique,
    made_at timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table control.login_links is
'A link that sets a login''s password once: an invitation, or a reset. The hash of its token; the newest replaces the former.';
create trigger audit after insert or update or delete on control.login_links
for each row execute function ledger.record_audit();

-- What a page asked for that takes longer than a page may. The steps are what the command line would be given, so they have the
-- same checks; a secret is never among them.
create table control.tasks (
    task_id bigint generated always as identity primary key,
    page text not null check (page like '/%'),
    steps jsonb not null check (jsonb_typeof(steps) = 'array' and steps <> '[]'),
    asked_by text not null references control.logins,
    asked_at timestamptz not null default now(),
    step int not null default 0,
    started_at timestamptz,
    ended_at timestamptz,
    fault text,
    check (fault is null or ended_at is not null)
);
create unique index a_page_asks_once on control.tasks (page, steps) where ended_at is null;
create index tasks_by_page on control.tasks (page, asked_at);
comment on table control.tasks is
'Steps that a person asked for on a page and that a run of Dagster carries out one after the other, under that person''s name.';
comment on column control.tasks.step is 'The step at work, counted from 0; where it failed, the one that did.';
comment on column control.tasks.fault is 'Why it did not end well, in words; null while it is at work and where it did.';
create trigger audit after insert on control.tasks
for each row execute function ledger.record_audit();

-- Counted for all processes that serve; a try costs a hash, which bounds what strangers write.
create unlogged table control.wrong_tries (
    key_hash bytea primary key,
    failures int not null,
    begun_at timestamptz not null default now()
);
create index wrong_tries_by_age on control.wrong_tries (begun_at);
comment on table control.wrong_tries is
'Wrong passwords and codes of the last quarter of an hour, by a hash of who tried to be whom. A crash forgets them.';

-- Signing in is the pages' alone. The one thing about logins that is an operator's: a tenant that is closed signs in no more.
create function control.shut_out_tenant(of_tenant text) returns void
language plpgsql security definer set search_path = '' as $$
begin
    delete from control.sessions as s using control.logins as l
    where s.login_id = l.login_id and l.tenant_id = of_tenant;
    delete from control.devices as d using control.logins as l
    where d.login_id = l.login_id and l.tenant_id = of_tenant;
    delete from control.login_links as k using control.logins as l
    where k.login_id = l.login_id and l.tenant_id = of_tenant;
    update control.logins set disabled_at = pg_catalog.now()
    where tenant_id = of_tenant and disabled_at is null;
end
$$;
comment on function control.shut_out_tenant(text) is 'Ends the sessions and links of a tenant''s logins and disables them; audited.';

-- Whose rows a reader sees is bound to the login it came in with, which SET cannot change. Only a login that may act as
-- minutebook_server, which serves many tenants one request at a time, names the tenant itself (minutebook.tenant_id).
create table control.database_logins (
    login name primary key,
    role text not null check (role in (
        'loader', 'transformer', 'billing', 'operator', 'analyst', 'tenant', 'server', 'intake', 'automations'
    )),
    tenant_id text references control.tenants,
    granted_at timestamptz not null default now(),
    revoked_at timestamptz,
    verifier_digest bytea,
    check ((role = 'tenant') = (tenant_id is not null))
);
comment on table control.database_logins is
'Logins of PostgreSQL that `minutebook access grant` made, for people, tools and tenants. No password: PostgreSQL keeps its'
' SCRAM verifier.';
comment on column control.database_logins.verifier_digest is
'SHA-256 of the verifier that the login was given: PostgreSQL lets it change its own password, which is noticed by this.';
create trigger audit after insert or update or delete on control.database_logins
for each row execute function ledger.record_audit();

-- In PL/pgSQL a session keeps the plans: as an SQL function its query was planned at every call, which a query of a quarter of
-- a millisecond felt (1.33 times the same with a literal filter).
create function control.reading_tenant() returns text
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
    bound_tenant text;
begin
    select bound.tenant_id into bound_tenant
    from control.database_logins as bound
    where bound.login = session_user and bound.role = 'tenant' and bound.revoked_at is null;
    if bound_tenant is not null then
        return bound_tenant;
    end if;
    if pg_catalog.pg_has_role(session_user, 'minutebook_server', 'member') then
        return nullif(pg_catalog.current_setting('minutebook.tenant_id', true), '');
    end if;
    return null;
end
$$;
comment on function control.reading_tenant() is
'The tenant of the login that is connected; null, so no row at all, for a login that is bound to none.';
