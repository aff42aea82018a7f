-- A frozen line never changes. What it would be now, less what it was frozen at and what earlier statements already
-- corrected, is carried by the tenant's first period that is not approved, and recomputed there until that one is.
with periods as (
    select * from {{ ref('int_periods') }}
),

frozen_lines as (
    select * from {{ ref('stg_ledger__statement_lines') }}
),

rated as (
    select * from {{ ref('int_lines_rated') }}
    where period_state in ('approved', 'closed')
),

frozen as (
    select frozen_lines.*
    from frozen_lines
    inner join periods
        on
            frozen_lines.tenant_id = periods.tenant_id
            and frozen_lines.period_start = periods.period_start
            and periods.period_state in ('approved', 'closed')
    where frozen_lines.line_kind in ('setup', 'subscription', 'overage', 'minimum')
),

adjusted_before as (
    select
        corrects_line_id,
        sum(quantity) as quantity,
        sum(amount) as amount
    from frozen_lines
    where line_kind = 'adjustment'
    group by corrects_line_id
),

corrected as (
    select line_id from rated
    union
    select line_id from frozen
    union
    select adjusted_before.corrects_line_id as line_id
    from adjusted_before
),

compared as (
    select
        corrected.line_id as corrects_line_id,
        coalesce(rated.tenant_id, frozen.tenant_id) as tenant_id,
        coalesce(rated.meter_id, frozen.meter_id) as meter_id,
        coalesce(rated.unit, frozen.unit) as unit,
        coalesce(rated.currency, frozen.currency) as currency,
        coalesce(rated.service_period_start, frozen.service_period_start) as service_period_start,
        coalesce(rated.service_period_end, frozen.service_period_end) as service_period_end,
        coalesce(rated.price_id, frozen.price_id) as price_id,
        coalesce(rated.quantity, 0) as rated_quantity,
        coalesce(rated.amount, 0) as rated_amount,
        coalesce(frozen.quantity, 0) as frozen_quantity,
        coalesce(frozen.amount, 0) as frozen_amount,
        coalesce(adjusted_before.quantity, 0) as adjusted_quantity,
        coalesce(adjusted_before.amount, 0) as adjusted_amount,
        rated.inputs as rated_inputs
    from corrected
    left join rated on corrected.line_id = rated.line_id
    left join frozen on corrected.line_id = frozen.line_id
    left join adjusted_before on corrected.line_id = adjusted_before.corrects_line_id
    where rated.line_id is not null or frozen.line_id is not null
),

carriers as (
    select distinct on (tenant_id)
        tenant_id,
        period_start,
        period_end,
        period_state
    from periods
    where period_state not in ('approved', 'closed')
    order by tenant_id, period_start
),

adjustments as (
    select
        concat_ws(
            '/', compared.tenant_id, carriers.period_start::text, 'adjustment',
            substr(compared.corrects_line_id, length(compared.tenant_id) + 2)
        ) as line_id,
        compared.tenant_id,
        carriers.period_start,
        carriers.period_end,
        carriers.period_state,
        'adjustment' as line_kind,
        compared.meter_id,
        compared.rated_quantity - compared.frozen_quantity - compared.adjusted_quantity as quantity,
        compared.unit,
        compared.rated_amount - compared.frozen_amount - compared.adjusted_amount as amount,
        compared.rated_amount - compared.frozen_amount - compared.adjusted_amount as unrounded_amount,
        compared.currency,
        compared.service_period_start,
        compared.service_period_end,
        compared.corrects_line_id,
        compared.price_id,
        jsonb_build_object(
            'rated_quantity', compared.rated_quantity, 'rated_amount', compared.rated_amount,
            'frozen_quantity', compared.frozen_quantity, 'frozen_amount', compared.frozen_amount,
            'adjusted_quantity', compared.adjusted_quantity, 'adjusted_amount', compared.adjusted_amount,
            'rated', compared.rated_inputs
        ) as inputs
    from compared
    inner join carriers on compared.tenant_id = carriers.tenant_id
    where
        compared.rated_amount <> compared.frozen_amount + compared.adjusted_amount
        or compared.rated_quantity <> compared.frozen_quantity + compared.adjusted_quantity
)

select * from adjustments
