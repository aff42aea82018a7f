-- As old as the build, until Stripe is read: whoever reads it puts what was found in here at once (`warehouse.statements.invoice_lines`).
select
    tenant_id,
    period_start,
    line,
    ours,
    stripe,
    stripe - ours as difference,
    accepted,
    currency,
    array_to_string(invoices, ', ') as invoices,
    code is null and waits is null as is_settled,
    waits,
    code,
    what,
    what_to_do,
    read_at
from {{ source('ledger', 'final_lines') }}
