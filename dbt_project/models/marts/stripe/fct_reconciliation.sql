-- depends_on: {{ ref('fct_overages_daily') }}
-- What is compared, and how, is one function of the ledger's, which the command and the check read too.
select
    tenant_id,
    meter_id,
    usage_date,
    period_start,
    ours,
    posted,
    stripe,
    difference,
    finding in ('equal', 'billed') as is_equal,
    finding,
    age_days,
    posting_state,
    cause_code,
    posted_at,
    read_at
from ledger.reconciliation({{ as_of() }})
