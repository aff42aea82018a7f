{{ config(materialized='view') }}
with tenants as (
    select * from {{ ref('stg_control__tenants') }}
),

statuses as (
    select
        tenant_id,
        min(valid_from) filter (where status = 'active') as activated_on,
        min(valid_from) filter (where status = 'closed') as closed_on
    from {{ ref('stg_control__tenant_statuses') }}
    group by tenant_id
),

dated as (
    select
        tenants.tenant_id,
        tenants.currency,
        tenants.anchor_day,
        statuses.activated_on,
        statuses.closed_on
    from tenants
    left join statuses on tenants.tenant_id = statuses.tenant_id
)

select * from dated
