with lines as (
    select
        line_id,
        period_start,
        line_kind,
        meter_id,
        quantity,
        amount
    from {{ ref('int_statement_lines') }}
    where not {{ is_real('tenant_id') }}
)

select * from lines
