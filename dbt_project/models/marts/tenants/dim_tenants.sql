with tenants as (
    select * from {{ ref('stg_control__tenants') }}
),

described as (
    select
        tenants.tenant_id,
        tenants.name,
        statuses.status,
        tenants.currency,
        tenants.anchor_day,
        plans.plan_id,
        dated.activated_on,
        dated.closed_on,
        tenants.feature_flags,
        tenants.stripe_customer_id
    from tenants
    inner join {{ ref('int_tenants_dated') }} as dated on tenants.tenant_id = dated.tenant_id
    left join {{ ref('stg_control__tenant_statuses') }} as statuses
        on
            tenants.tenant_id = statuses.tenant_id
            and statuses.valid_from <= {{ as_of() }}
            and statuses.valid_to > {{ as_of() }}
    left join {{ ref('stg_control__tenant_plans') }} as plans
        on
            tenants.tenant_id = plans.tenant_id
            and plans.valid_from <= {{ as_of() }}
            and plans.valid_to > {{ as_of() }}
)

select * from described
where {{ is_real('tenant_id') }}
