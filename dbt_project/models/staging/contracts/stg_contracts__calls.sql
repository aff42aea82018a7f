with mapped as (
    select * from {{ ref('stg_vapi__calls') }}
),

landed as (
    select * from {{ source('contracts', 'calls') }}
),

unioned as (
    select
        source,
        pull_id,
        account,
        account_tenant_id,
        call_id,
        phone_number_id,
        assistant_id,
        squad_id,
        workflow_id,
        scopes,
        state,
        status,
        direction,
        ended_reason,
        end_group,
        campaign_id,
        carrier,
        carrier_account,
        carrier_ref,
        cost_currency,
        total_cost,
        usage_date,
        created_at,
        started_at,
        ended_at
    from mapped
    union all
    select
        source,
        pull_id,
        account,
        tenant_id as account_tenant_id,
        call_id,
        null as phone_number_id,
        null as assistant_id,
        squad_ref as squad_id,
        null as workflow_id,
        scopes::jsonb as scopes,
        state,
        state as status,
        direction,
        ended_reason,
        end_group,
        campaign_ref as campaign_id,
        carrier,
        carrier_account,
        carrier_ref,
        coalesce(currency, 'USD') as cost_currency,
        cost as total_cost,
        usage_date,
        created_at,
        started_at,
        ended_at
    from landed
)

select * from unioned
