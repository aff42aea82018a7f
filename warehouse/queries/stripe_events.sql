-- name: receive
insert into ledger.stripe_events (
    event_id, event_type, is_thin, object_id, stripe_customer_id, facts, happened_at, received_at
)
values (
    %(event_id)s, %(event_type)s, %(is_thin)s, %(object_id)s,
    %(stripe_customer_id)s, %(facts)s, %(happened_at)s, %(now)s
)
on conflict (event_id) do nothing
returning event_id;

-- name: waiting
select event_id, event_type, is_thin, object_id, stripe_customer_id
from ledger.stripe_events
where state <> 'processed'
order by received_at, event_id
limit %(limit)s;

-- name: count_waiting
select count(*) from ledger.stripe_events where state = 'received';

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
