-- A frozen line never changes. What it would be now, less what it was frozen at and what earlier statements already
-- corrected, is carried by the tenant's first period that is not approved, and recomputed there until that one is.
with periods as (
    select * from {{ ref('int_periods') }}
),

rated as (
    select * from {{ ref('int_lines_rated') }}
    where period_state in ('approved', 'closed')
),

-- What was stated of each corrected line until now: the line as it was frozen, and every frozen adjustment of it. Of a
-- line that was never frozen there are adjustments alone, and what it is about is read from the first of them.
stated_lines as (
    select
        *,
        coalesce(corrects_line_id, line_id) as corrected_line_id,
        row_number() over (
            partition by coalesce(corrects_line_id, line_id)
            order by corrects_line_id is not null, period_start
        ) as statement_number
    from {{ ref('stg_ledger__statement_lines') }}
    where line_kind <> 'credit'
),

stated as (
    select
        corrected_line_id,
        coalesce(sum(quantity) filter (where line_kind <> 'adjustment'), 0) as frozen_quantity,
        coalesce(sum(amount) filter (where line_kind <> 'adjustment'), 0) as frozen_amount,
        coalesce(sum(quantity) filter (where line_kind = 'adjustment'), 0) as adjusted_quantity,
        coalesce(sum(amount) filter (where line_kind = 'adjustment'), 0) as adjusted_amount
    from stated_lines
    group by corrected_line_id
),

first_stated as (
    select * from stated_lines
    where statement_number = 1
),

compared as (
    select
        coalesce(rated.line_id, stated.corrected_line_id) as corrects_line_id,
        coalesce(rated.tenant_id, first_stated.tenant_id) as tenant_id,
        coalesce(rated.meter_id, first_stated.meter_id) as meter_id,
        coalesce(rated.unit, first_stated.unit) as unit,
        coalesce(rated.currency, first_stated.currency) as currency,
        coalesce(rated.service_period_start, first_stated.service_period_start) as service_period_start,
        coalesce(rated.service_period_end, first_stated.service_period_end) as service_period_end,
        coalesce(rated.price_id, first_stated.price_id) as price_id,
        coalesce(rated.quantity, 0) as rated_quantity,
        coalesce(rated.amount, 0) as rated_amount,
        coalesce(stated.frozen_quantity, 0) as frozen_quantity,
        coalesce(stated.frozen_amount, 0) as frozen_amount,
        coalesce(stated.adjusted_quantity, 0) as adjusted_quantity,
        coalesce(stated.adjusted_amount, 0) as adjusted_amount,
        rated.inputs as rated_inputs
    from rated
    full join stated on rated.line_id = stated.corrected_line_id
    left join first_stated on stated.corrected_line_id = first_stated.corrected_line_id
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
            'price_id', compared.price_id, 'rated', compared.rated_inputs
        ) as inputs
    from compared
    inner join carriers on compared.tenant_id = carriers.tenant_id
    where
        compared.rated_amount <> compared.frozen_amount + compared.adjusted_amount
        or compared.rated_quantity <> compared.frozen_quantity + compared.adjusted_quantity
)

select * from adjustments
