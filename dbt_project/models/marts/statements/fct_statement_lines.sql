{{ config(indexes=[{'columns': ['tenant_id', 'period_start']}]) }}
with lines as (
    select * from {{ ref('int_statement_lines') }}
    where {{ is_real('tenant_id') }}
)

select * from lines
