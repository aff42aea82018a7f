-- How statements are paid (module warehouse.statements.payments).

-- name: invoices
-- The invoices that hold a line of these periods, as Stripe was last read.
select distinct
    tenant_id,
    period_start,
    unnest(invoices) as invoice_id
from ledger.final_lines
where
    (%(tenant_id)s::text is null or tenant_id = %(tenant_id)s)
    and period_start >= %(month_start)s
    and period_start < %(month_end)s;

-- name: states
-- Of these invoices, the final ones first to last.
select
    invoice_id,
    tenant_id,
    status,
    upper(currency) as currency,
    total_minor,
    number,
    case when hosted_url like 'https://%%' then hosted_url end as hosted_url,
    finalized_at,
    paid_at,
    failed_payments,
    as_of
from ledger.stripe_invoices
where invoice_id = any(%(invoices)s)
order by finalized_at nulls last, invoice_id;
