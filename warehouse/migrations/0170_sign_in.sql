-- Signing in: passwords as Argon2id, devices that signed in before, a second factor, sessions that can be told apart.

-- Logins whose password was kept otherwise set a new one.
truncate control.login_passwords;
alter table control.login_passwords
drop column salt,
drop column password_hash,
drop column scrypt_n,
drop column scrypt_r,
drop column scrypt_p,
drop column failures,
drop column failed_at,
add column password_hash text not null;
comment on table control.login_passwords is 'Argon2id with its salt and parameters, as argon2-cffi writes them.';

create table control.devices (
    device_hash bytea primary key,
    login_id text not null references control.logins,
    seen_at timestamptz not null default now()
);
create index devices_of_a_login on control.devices (login_id);
comment on table control.devices is
'Browsers that signed in as a login: wrong passwords typed elsewhere never make them wait. The hash of a cookie.';
grant select, insert, update, delete on control.devices to minutebook_operator;

create table control.second_factors (
    login_id text primary key references control.logins,
    data_key_id bigint not null references control.data_keys,
    ciphertext bytea not null,
    last_step bigint not null default 0,
    confirmed_at timestamptz
);
comment on table control.second_factors is
'The secret of an authenticator, sealed in the vault. last_step: of the newest code taken, so that none is taken twice.';
grant select, insert, update, delete on control.second_factors to minutebook_operator;

create table control.recovery_codes (
    login_id text not null references control.logins,
    code_hash bytea not null,
    primary key (login_id, code_hash)
);
comment on table control.recovery_codes is 'Each signs in once in place of a one-time code; a used one is deleted.';
grant select, insert, delete on control.recovery_codes to minutebook_operator;

-- Audited with the login: who set up a second factor, who reset it, and who used a recovery code.
alter table control.logins
add column second_factor_at timestamptz,
add column recovery_codes_left int not null default 0;

alter table control.sessions
add column session_id uuid not null default gen_random_uuid() unique,
add column client text not null default '',
add column browser text not null default '',
add column second_factor_at timestamptz;
comment on column control.sessions.second_factor_at is
'When a one-time code was given; until then a session of finance or an operator opens nothing.';
grant update (second_factor_at) on control.sessions to minutebook_operator;

-- No mart is made of keys: that a second factor was the first secret of the platform makes no mart old.
drop trigger advance_revision on control.data_keys;
