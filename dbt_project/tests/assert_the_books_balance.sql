{{ config(severity='warn') }}
-- It warns, so that the marts are built and say which tenant and line it is: that tenant's approvals and postings are refused
-- (warehouse.statements.balance), and nobody else's.
select
    tenant_id,
    line_id,
    rated_quantity,
    stated_quantity,
    rated_amount,
    stated_amount
from {{ ref('fct_line_balances') }}
where not is_balanced
