{{ config(
    materialized='incremental',
    incremental_strategy='append',
    indexes=[{'columns': ['tenant_id'], 'unique': true}]
) }}
-- Told when every mart holds them, so that a tenant is in it only when all that is its own was made of the same:
-- depends_on: {{ ref('dim_agents') }}
-- depends_on: {{ ref('dim_prices') }}
-- depends_on: {{ ref('dim_tenants') }}
-- depends_on: {{ ref('fct_bill_attribution') }}
-- depends_on: {{ ref('fct_bill_days') }}
-- depends_on: {{ ref('fct_call_days') }}
-- depends_on: {{ ref('fct_line_parts') }}
-- depends_on: {{ ref('fct_call_doubts') }}
-- depends_on: {{ ref('fct_canary_lines') }}
-- depends_on: {{ ref('fct_line_balances') }}
-- depends_on: {{ ref('fct_margin_by_meter') }}
-- depends_on: {{ ref('fct_margin_monthly') }}
-- depends_on: {{ ref('fct_overages_daily') }}
-- depends_on: {{ ref('fct_unbilled_usage') }}
-- depends_on: {{ ref('fct_usage_daily') }}
-- depends_on: {{ ref('fct_usage_rows') }}
with changed as (
    select * from {{ ref('int_tenants_changed') }}
),

built as (
    select
        tenant_id,
        control_revision,
        {{ as_of() }} as as_of
    from changed
)

select * from built
