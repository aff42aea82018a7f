-- name: adopted
select account_id, is_live from ledger.stripe_accounts
order by adoption desc
limit 1;

-- name: adopt
-- The next adoption; none where another process was quicker.
insert into ledger.stripe_accounts (adoption, account_id, is_live, adopted_at)
select coalesce(max(adoption), 0) + 1, %(account_id)s, %(is_live)s, %(now)s from ledger.stripe_accounts
having %(is_first)s::boolean is not true or count(*) = 0
on conflict (adoption) do nothing
returning adoption;

-- name: of_key
select account_id, is_live from ledger.stripe_keys
where key_digest = %(key_digest)s;

-- name: remember_key
insert into ledger.stripe_keys (key_digest, account_id, is_live, seen_at)
values (%(key_digest)s, %(account_id)s, %(is_live)s, %(now)s)
on conflict (key_digest) do nothing;

-- name: sent_elsewhere
-- What was sent to other accounts than the adopted one: days of usage that a meter still takes, and invoice items.
select
    (
        select count(distinct (tenant_id, meter_id, usage_date)) from ledger.postings
        where
            state = 'accepted'
            and usage_date >= %(oldest_day)s
            and ledger.is_of_another_account(stripe_account, is_live)
    ) as days,
    (
        select count(*) from ledger.invoice_items
        where state = 'accepted' and ledger.is_of_another_account(stripe_account, is_live)
    ) as items;

-- name: moved
-- The account that was billed in before today's, and since when it is not.
select b.account_id, b.is_live, (a.adopted_at at time zone 'UTC')::date as day
from ledger.stripe_accounts as a
inner join ledger.stripe_accounts as b on a.adoption = b.adoption + 1
order by a.adoption desc
limit 1;
