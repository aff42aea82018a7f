with source as (
    select * from {{ source('raw_usage_metrics', 'metrics') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        account,
        tenant_id as account_tenant_id,
        ---------- texts
        'usage_metrics' as source,
        metric_type as item,
        'unit' as unit,
        'usage_agent' as scope_kind,
        usage_agent_id as scope_ref,
        concat_ws(
            '/', usage_agent_id, metric_type,
            to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        ) as object_id,
        ---------- numerics
        quantity,
        {{ json_number("payload -> 'cost_usd'") }} as cost,
        'USD' as currency,
        ---------- timestamps
        usage_date,
        recorded_at
    from source
)

select * from renamed
