-- From a day of a line to the pulls and agents it was read from: no unit is lost on the way.
with parts as (
    select
        line_id,
        usage_date,
        sum(quantity) as quantity
    from {{ ref('fct_line_parts') }}
    where {{ is_made_again('tenant_id', 'usage') }}
    group by line_id, usage_date
)

select
    days.line_id,
    days.usage_date,
    days.quantity,
    parts.quantity as quantity_of_parts
from {{ ref('fct_line_days') }} as days
left join parts on days.line_id = parts.line_id and days.usage_date = parts.usage_date
where {{ is_made_again('days.tenant_id', 'usage') }} and days.quantity is distinct from parts.quantity
