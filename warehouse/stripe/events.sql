-- name: receive
-- Only Connect names an account; what names none is of the one whose secret we hold.
insert into ledger.stripe_events (
    event_id, event_type, is_thin, object_id, stripe_customer_id, facts, happened_at, received_at, is_live,
    stripe_account
)
values (
    %(event_id)s, %(event_type)s, %(is_thin)s, %(object_id)s,
    %(stripe_customer_id)s, %(facts)s, %(happened_at)s, %(now)s, %(is_live)s,
    coalesce(
        %(account)s, (select a.account_id from ledger.stripe_accounts as a order by a.adoption desc limit 1)
    )
)
on conflict (event_id) do nothing
returning event_id;

-- name: waiting
-- One that failed is tried again for as long as Stripe keeps events, after those that wait for the first time: however many fail
-- again and again, they hold up no other.
select event_id, event_type, is_thin, object_id, stripe_customer_id
from ledger.stripe_events
where
    (state = 'received' or (state = 'failed' and received_at > now() - interval '30 days'))
    and not ledger.is_of_another_account(stripe_account, is_live)
order by state = 'failed', received_at, event_id
limit %(limit)s;

-- name: count_waiting
select count(*)
from ledger.stripe_events
where
    (state = 'received' or (state = 'failed' and received_at > now() - interval '30 days'))
    and not ledger.is_of_another_account(stripe_account, is_live);

-- name: count_apart
-- Of another account or mode than is billed in: kept, and changing nothing.
select count(*) from ledger.stripe_events
where state <> 'processed' and ledger.is_of_another_account(stripe_account, is_live);

-- name: invoices
-- Each invoice as it was read, or as its events since say, newest period first; amounts in minor units.
select
    i.tenant_id,
    i.invoice_id,
    i.stripe_customer_id,
    (to_timestamp(i.period_start) at time zone 'UTC')::date as period_start,
    (to_timestamp(i.period_end) at time zone 'UTC')::date as period_end,
    i.status,
    upper(i.currency) as currency,
    i.total_minor,
    i.finalized_at,
    i.paid_at,
    i.failed_payments,
    i.as_of,
    i.read_at
from ledger.stripe_invoices as i
where %(tenant_ids)s::text [] is null or i.tenant_id = any(%(tenant_ids)s)
order by i.tenant_id, i.period_end desc, i.invoice_id;

-- name: done
update ledger.stripe_events as e
set
    state = 'processed',
    processed_at = %(now)s,
    cause = null,
    facts = e.facts || %(facts)s,
    tenant_id = (select t.tenant_id from control.tenants as t where t.stripe_customer_id = e.stripe_customer_id)
where e.event_id = %(event_id)s
returning e.tenant_id;

-- name: failed
update ledger.stripe_events
set state = 'failed', cause = %(cause)s
where event_id = %(event_id)s and state <> 'processed';

-- name: put_invoice_state
insert into ledger.stripe_invoice_states (
    invoice_id, tenant_id, stripe_customer_id, period_start, period_end, currency, status, total_minor, finalized_at,
    paid_at, number, hosted_url, read_at
)
values (
    %(id)s, %(tenant_id)s, %(customer)s, %(period_start)s, %(period_end)s, %(currency)s, %(status)s, %(total)s,
    to_timestamp(%(finalized_at)s), to_timestamp(%(paid_at)s), %(number)s, %(hosted_url)s, %(now)s
)
on conflict (invoice_id) do update
set tenant_id = excluded.tenant_id, status = excluded.status, total_minor = excluded.total_minor,
    finalized_at = excluded.finalized_at, paid_at = excluded.paid_at, number = excluded.number,
    hosted_url = excluded.hosted_url, read_at = excluded.read_at;
