{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
with revenue as (
    select * from {{ ref('int_revenue_by_meter') }}
    where {{ of_changed_tenants('tenant_id') }}
),

summed as (
    select
        tenant_id,
        usage_date,
        currency,
        sum(revenue) as revenue
    from revenue
    group by tenant_id, usage_date, currency
)

select * from summed
