-- name: is_built
select to_regclass('marts.fct_line_balances') is not null as is_built;

-- name: imbalances
select
    line_id,
    tenant_id,
    currency,
    rated_quantity,
    stated_quantity,
    rated_amount,
    stated_amount
from marts.fct_line_balances
where not is_balanced and (%(tenant_ids)s::text[] is null or tenant_id = any(%(tenant_ids)s))
order by tenant_id, line_id;
