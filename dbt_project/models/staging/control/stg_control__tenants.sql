-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'tenants') }}
),

renamed as (
    select
        tenant_id,
        ---------- texts
        name,
        currency,
        ---------- numerics
        anchor_day,
        ---------- settings
        is_canary,
        feature_flags,
        stripe_customer_id
    from source
)

select * from renamed
