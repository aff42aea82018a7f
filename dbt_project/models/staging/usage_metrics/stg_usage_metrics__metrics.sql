with source as (
    select * from {{ source('raw_usage_metrics', 'metrics') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        account,
        tenant_id as account_tenant_id,
        usage_agent_id,
        ---------- texts
        metric_type,
        ---------- numerics
        quantity,
        {{ json_number("payload -> 'cost_usd'") }} as cost,
        ---------- timestamps
        usage_date,
        recorded_at
    from source
)

select * from renamed
