-- Who may sign in to the pages. A password is kept as a salted scrypt hash in a table of its own, outside the audit
-- trail; a session as the hash of its token, so that reading this database lets nobody in.

create table control.logins (
    login_id text primary key check (login_id ~ '^[a-z0-9][a-z0-9@._+-]{0,253}$'),
    role text not null check (role in ('operator', 'finance', 'tenant')),
    tenant_id text references control.tenants,
    created_at timestamptz not null default now(),
    password_set_at timestamptz,
    disabled_at timestamptz,
    check ((role = 'tenant') = (tenant_id is not null))
);
comment on table control.logins is
'One row per person who may sign in. operator and finance see all tenants; a tenant''s login sees its tenant only.';

create table control.login_passwords (
    login_id text primary key references control.logins,
    salt bytea not null,
    password_hash bytea not null,
    scrypt_n int not null,
    scrypt_r int not null,
    scrypt_p int not null,
    failures int not null default 0,
    failed_at timestamptz
);
comment on table control.login_passwords is
'failures: wrong passwords in a row; after a few of them signing in waits until some time after failed_at.';

create table control.sessions (
    token_hash bytea primary key,
    login_id text not null references control.logins,
    started_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sessions_of_a_login on control.sessions (login_id);

create trigger audit after insert or update or delete on control.logins
for each row execute function ledger.record_audit();

alter table control.logins enable row level security;
alter table control.logins force row level security;
create policy processes on control.logins to minutebook_operator using (true) with check (true);

grant select, insert, update on control.logins to minutebook_operator;
grant select, insert, update on control.login_passwords to minutebook_operator;
grant select, insert, delete on control.sessions to minutebook_operator;

-- What the finance pack of a closed period was drawn from: late data may move a margin, never a pack handed over.
create table ledger.packs (
    tenant_id text not null,
    period_start date not null,
    manifest_hash text not null,
    content text not null,
    content_hash text not null,
    frozen_at timestamptz not null default now(),
    primary key (tenant_id, period_start, manifest_hash),
    foreign key (tenant_id, period_start) references ledger.periods
);
comment on table ledger.packs is
'One row per pack of a closed period; manifest_hash tells a period closed again after it was reopened. Insert only.';
create trigger insert_only before update or delete or truncate on ledger.packs
for each statement execute function ledger.refuse_change();
alter table ledger.packs enable row level security;
alter table ledger.packs force row level security;
create policy processes on ledger.packs to minutebook_operator using (true) with check (true);
grant select, insert on ledger.packs to minutebook_operator;
