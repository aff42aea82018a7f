with source as (
    select * from {{ source('ledger', 'statement_lines') }}
),

renamed as (
    select
        ---------- ids
        line_id,
        tenant_id,
        period_start,
        line_kind,
        meter_id,
        corrects_line_id,
        ---------- numerics
        quantity,
        unit,
        amount,
        currency,
        coalesce((inputs ->> 'unrounded_amount')::numeric, amount) as unrounded_amount,
        (inputs ->> 'price_id')::bigint as price_id,
        inputs,
        ---------- dates
        service_period_start,
        service_period_end
    from source
)

select * from renamed
