-- name: ours
-- Lines of statements whose period has begun: frozen ones of approved periods, the marts' of others.
with approved as (
    select tenant_id, period_start from ledger.periods
    where state in ('approved', 'closed')
)

select
    a.tenant_id, a.period_start, true as is_approved, l.line_id, l.line_kind, l.meter_id,
    coalesce(l.amount, 0) as amount
from approved as a
left join ledger.statement_lines as l on a.tenant_id = l.tenant_id and a.period_start = l.period_start
where (%(tenant_ids)s::text [] is null or a.tenant_id = any(%(tenant_ids)s))
union all
select m.tenant_id, m.period_start, false, m.line_id, m.line_kind, m.meter_id, m.amount
from marts.fct_statement_lines as m
left join approved as a on m.tenant_id = a.tenant_id and m.period_start = a.period_start
where
    a.tenant_id is null
    and m.period_start <= %(today)s
    and (%(tenant_ids)s::text [] is null or m.tenant_id = any(%(tenant_ids)s))
order by 1, 2, 4;

-- name: items
-- What the ledger knows of items and notes; there: what became of each in the account that holds it, as last read.
select
    i.tenant_id, i.identifier, i.item_key, i.item_kind, i.line_id, i.period_start, i.amount, i.state, i.stripe_id,
    i.cause_code, i.cause, i.corrects_invoice_id, i.stripe_account, i.is_live,
    ledger.is_of_another_account(i.stripe_account, i.is_live) as is_elsewhere,
    coalesce(s.state, 'pending') as there, s.invoice_id as there_invoice, coalesce(s.read_at, i.posted_at) as there_at
from ledger.invoice_items as i
left join ledger.stripe_item_states as s on i.identifier = s.identifier
where %(tenant_ids)s::text [] is null or i.tenant_id = any(%(tenant_ids)s)
order by i.invoice_item_id;

-- name: items_elsewhere
-- Items of the tenants that are billed which another account or mode accepted.
select
    i.identifier, i.item_kind, i.line_id, i.stripe_id, i.stripe_account, i.is_live, t.anchor_day,
    coalesce(s.state, 'pending') as there, coalesce(s.read_at, i.posted_at) as there_at
from ledger.invoice_items as i
inner join control.tenants as t on i.tenant_id = t.tenant_id
left join ledger.stripe_item_states as s on i.identifier = s.identifier
where
    i.state = 'accepted'
    and ledger.is_of_another_account(i.stripe_account, i.is_live)
    and t.feature_flags @> '{"stripe_posting": true}'
    and t.stripe_customer_id is not null
    and (%(tenant_ids)s::text [] is null or i.tenant_id = any(%(tenant_ids)s))
order by i.invoice_item_id;

-- name: put_item_state
insert into ledger.stripe_item_states (identifier, tenant_id, state, invoice_id, read_at)
values (%(identifier)s, %(tenant_id)s, %(state)s, %(invoice)s, %(now)s)
on conflict (identifier) do update
set state = excluded.state, invoice_id = excluded.invoice_id, read_at = excluded.read_at;

-- name: moved
-- The account that was billed in before today's, and since when it is not.
select b.account_id, b.is_live, a.adopted_at at time zone 'UTC'
from ledger.stripe_accounts as a
inner join ledger.stripe_accounts as b on a.adoption = b.adoption + 1
order by a.adoption desc
limit 1;

-- name: coverage
select tenant_id, period_start, meter_id, owed
from ledger.coverage
where %(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s);

-- name: meters
select stripe_event_name, meter_id from control.meters
where stripe_event_name is not null;

-- name: acceptances
select subject, tenant_id, amount
from ledger.stripe_acceptances
where %(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s);

-- name: accept
insert into ledger.stripe_acceptances (subject, tenant_id, amount, reason, accepted_by, accepted_at)
values (%(subject)s, %(tenant_id)s, %(amount)s, %(reason)s, %(actor)s, %(now)s)
on conflict (subject) do update
set amount = excluded.amount, reason = excluded.reason, accepted_by = excluded.accepted_by,
    accepted_at = excluded.accepted_at;

-- name: forget_lines
delete from ledger.final_lines
where tenant_id = %(tenant_id)s and period_start >= %(since)s;

-- name: put_line
insert into ledger.final_lines (
    tenant_id, period_start, line, ours, stripe, accepted, currency, invoices, waits, code, what, what_to_do, read_at
)
values (
    %(tenant_id)s, %(period_start)s, %(line)s, %(ours)s, %(stripe)s, %(accepted)s, %(currency)s, %(invoices)s,
    %(waits)s, %(code)s, %(what)s, %(what_to_do)s, %(now)s
);

-- name: unsettled
-- From which day on a tenant's invoices or lines can still change: as last read, not final, not paid, waiting or a finding.
select tenant_id, min(first_day) as first_day
from (
    select tenant_id, (to_timestamp(period_start) at time zone 'UTC')::date as first_day
    from ledger.stripe_invoice_states
    where status in ('draft', 'open', 'uncollectible')
    union all
    select tenant_id, period_start
    from ledger.final_lines
    where (code is not null or waits is not null) and code is distinct from 'not readable'
) as open
where %(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s)
group by tenant_id;

-- name: lines
-- As last read, of the periods that start in [month_start, month_end), or of all.
select
    tenant_id, period_start, line, ours, stripe, stripe - ours as difference, accepted, currency, invoices, waits,
    code, what, what_to_do, read_at
from ledger.final_lines
where
    (%(tenant_ids)s::text [] is null or tenant_id = any(%(tenant_ids)s))
    and (%(month_start)s::date is null or period_start >= %(month_start)s)
    and (%(month_end)s::date is null or period_start < %(month_end)s)
order by tenant_id, period_start, line;

-- name: lose_items
update ledger.invoice_items
set state = 'lost', cause_code = %(code)s, cause = %(cause)s
where identifier = any(%(identifiers)s) and state = 'accepted';

-- name: next_version
select coalesce(max(version), 0) + 1 as version
from ledger.invoice_items
where item_key = %(item_key)s;

-- name: mart_exists
select to_regclass('marts.fct_invoice_lines') is not null;

-- name: empty_mart
delete from marts.fct_invoice_lines;

-- name: fill_mart
insert into marts.fct_invoice_lines (
    tenant_id, period_start, line, ours, stripe, difference, accepted, currency, invoices, is_settled, waits, code,
    what, what_to_do, read_at
)
select
    tenant_id, period_start, line, ours, stripe, stripe - ours, accepted, currency, array_to_string(invoices, ', '),
    code is null and waits is null, waits, code, what, what_to_do, read_at
from ledger.final_lines;

-- name: whose
select tenant_id from ledger.final_lines
where line = %(line)s
union all
select tenant_id from ledger.statement_lines
where line_id = %(line)s
limit 1;
