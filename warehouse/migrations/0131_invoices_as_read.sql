-- An invoice's state and payments are settled by reading Stripe; what its webhooks said since only makes it sooner.
create table ledger.stripe_invoice_states (
    invoice_id text primary key,
    tenant_id text not null references control.tenants,
    stripe_customer_id text not null,
    period_start bigint not null,
    period_end bigint not null,
    currency text not null,
    status text not null,
    total_minor bigint not null,
    finalized_at timestamptz,
    paid_at timestamptz,
    read_at timestamptz not null
);
comment on table ledger.stripe_invoice_states is
'Each invoice of a billed tenant as Stripe showed it when it was last read. Amounts in minor units, periods in Unix seconds.';
alter table ledger.stripe_invoice_states enable row level security;
alter table ledger.stripe_invoice_states force row level security;
create policy processes on ledger.stripe_invoice_states
to minutebook_transformer, minutebook_billing, minutebook_operator using (true) with check (true);
create policy owner on ledger.stripe_invoice_states to current_user using (true) with check (true);
grant select on ledger.stripe_invoice_states to minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert, update on ledger.stripe_invoice_states to minutebook_billing;

drop view ledger.stripe_invoices;
create view ledger.stripe_invoices with (security_invoker = true) as
with told as (
    select
        object_id as invoice_id,
        max(tenant_id) as tenant_id,
        max(stripe_customer_id) as stripe_customer_id,
        max((facts ->> 'period_start')::bigint) as period_start,
        max((facts ->> 'period_end')::bigint) as period_end,
        max(facts ->> 'currency') as currency,
        case
            when bool_or(event_type = 'invoice.voided') then 'void'
            when bool_or(event_type = 'invoice.paid') then 'paid'
            when bool_or(event_type = 'invoice.marked_uncollectible') then 'uncollectible'
            when bool_or(event_type in ('invoice.finalized', 'invoice.payment_failed')) then 'open'
            else 'draft'
        end as status,
        (array_agg((facts ->> 'total')::bigint order by happened_at desc, event_id desc))[1] as total_minor,
        min(happened_at) filter (where event_type = 'invoice.finalized') as finalized_at,
        min(happened_at) filter (where event_type = 'invoice.paid') as paid_at,
        count(*) filter (where event_type = 'invoice.payment_failed') as failed_payments,
        max(happened_at) as told_at
    from ledger.stripe_events
    where event_type like 'invoice.%' and object_id is not null
    group by object_id
),

joined as (
    select
        t.*,
        s.invoice_id as read_id,
        s.tenant_id as read_tenant_id,
        s.stripe_customer_id as read_customer_id,
        s.period_start as read_period_start,
        s.period_end as read_period_end,
        s.currency as read_currency,
        s.status as read_status,
        s.total_minor as read_total_minor,
        s.finalized_at as read_finalized_at,
        s.paid_at as read_paid_at,
        s.read_at,
        s.invoice_id is not null and coalesce(t.told_at <= s.read_at, true) as is_read
    from told as t
    full join ledger.stripe_invoice_states as s on t.invoice_id = s.invoice_id
)

select
    coalesce(invoice_id, read_id) as invoice_id,
    coalesce(read_tenant_id, tenant_id) as tenant_id,
    coalesce(read_customer_id, stripe_customer_id) as stripe_customer_id,
    coalesce(read_period_start, period_start) as period_start,
    coalesce(read_period_end, period_end) as period_end,
    coalesce(read_currency, currency) as currency,
    case when is_read then read_status else status end as status,
    case when is_read then read_total_minor else coalesce(total_minor, read_total_minor) end as total_minor,
    coalesce(read_finalized_at, finalized_at) as finalized_at,
    coalesce(read_paid_at, paid_at) as paid_at,
    coalesce(failed_payments, 0) as failed_payments,
    greatest(told_at, read_at) as as_of,
    read_at
from joined;
comment on view ledger.stripe_invoices is
'One row per Stripe invoice: as it was read, and what its events since, in any order, say of it. Amounts in minor units.';
grant select on ledger.stripe_invoices to minutebook_transformer, minutebook_billing, minutebook_operator;
