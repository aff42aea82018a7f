-- Which account of Stripe's, and which mode of it, everything was sent to and read from: a key of another one must neither
-- be posted to nor be taken for the one that holds our values, until a person says so.
create table ledger.stripe_accounts (
    adoption int primary key check (adoption > 0),
    account_id text not null check (account_id <> ''),
    is_live boolean not null,
    adopted_at timestamptz not null
);
comment on table ledger.stripe_accounts is
'Accounts that were adopted, the newest last: only it is posted to and read. The first key adopts its own.';
create trigger insert_only before update or delete or truncate on ledger.stripe_accounts
for each statement execute function ledger.refuse_change();
create trigger audit after insert on ledger.stripe_accounts
for each row execute function ledger.record_audit();

create table ledger.stripe_keys (
    key_digest text primary key,
    account_id text not null,
    is_live boolean not null,
    seen_at timestamptz not null
);
comment on table ledger.stripe_keys is
'Whose each key is, by a digest of the key, as Stripe said once: a key never moves to another account.';

alter table ledger.postings add column stripe_account text, add column is_live boolean;
alter table ledger.invoice_items add column stripe_account text, add column is_live boolean;
alter table ledger.stripe_cache add column stripe_account text, add column is_live boolean;
comment on column ledger.postings.stripe_account is 'Where it was sent, with is_live; null before accounts were recorded.';
comment on column ledger.invoice_items.stripe_account is 'Where it was sent, with is_live; null before accounts were recorded.';
comment on column ledger.stripe_cache.stripe_account is 'Whose word it is, with is_live; of another account it is not served.';

-- Who posts holds the posting lock, and so does who adopts: what is adopted is what the row is sent to.
create function ledger.stamp_stripe_account() returns trigger language plpgsql set search_path = '' as $$
begin
    select a.account_id, a.is_live into new.stripe_account, new.is_live
    from ledger.stripe_accounts as a
    order by a.adoption desc
    limit 1;
    return new;
end
$$;
create trigger stamp before insert on ledger.postings
for each row execute function ledger.stamp_stripe_account();
create trigger stamp before insert on ledger.invoice_items
for each row execute function ledger.stamp_stripe_account();

-- Whether a row was sent to another account or mode than today's. What was sent before accounts were recorded is here.
create function ledger.is_of_another_account(stripe_account text, is_live boolean) returns boolean
language sql stable set search_path = '' as $$
    select stripe_account is not null and (stripe_account, is_live) is distinct from (
        select (a.account_id, a.is_live) from ledger.stripe_accounts as a order by a.adoption desc limit 1
    )
$$;
comment on function ledger.is_of_another_account(text, boolean) is
'Whether something was sent to another Stripe account or mode than the one that is adopted now.';

do $$
declare
    table_name text;
begin
    foreach table_name in array array['stripe_accounts', 'stripe_keys'] loop
        execute format('alter table ledger.%I enable row level security', table_name);
        execute format('alter table ledger.%I force row level security', table_name);
        execute format(
            'create policy processes on ledger.%I to minutebook_transformer, minutebook_billing, minutebook_operator '
            'using (true) with check (true)', table_name
        );
        execute format('create policy owner on ledger.%I to current_user using (true) with check (true)', table_name);
    end loop;
end
$$;
grant select on ledger.stripe_accounts to minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert on ledger.stripe_accounts to minutebook_billing;
grant select, insert on ledger.stripe_keys to minutebook_billing;
