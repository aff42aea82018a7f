-- Explaining a line day by day must neither lose nor invent a unit or a fraction of a cent.
with lines as (
    select
        line_id,
        quantity,
        unrounded_amount
    from {{ ref('fct_statement_lines') }}
    where
        line_kind = 'overage' and period_state not in ('approved', 'closed')
        and {{ is_made_again('tenant_id', 'usage') }}
),

days as (
    select
        line_id,
        sum(overage_quantity) as quantity,
        sum(amount) as amount
    from {{ ref('fct_line_days') }}
    where {{ is_made_again('tenant_id', 'usage') }}
    group by line_id
)

select
    lines.line_id,
    lines.quantity,
    days.quantity as quantity_of_days,
    lines.unrounded_amount,
    days.amount as amount_of_days
from lines
left join days on lines.line_id = days.line_id
where
    lines.quantity is distinct from days.quantity
    or lines.unrounded_amount is distinct from days.amount
