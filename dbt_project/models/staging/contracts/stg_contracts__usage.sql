{{ config(materialized='view') }}
with conversations as (
    select * from {{ ref('stg_voiceflow__usage') }}
),

metrics as (
    select * from {{ ref('stg_usage_metrics__metrics') }}
),

landed as (
    select * from {{ source('contracts', 'usage') }}
),

unioned as (
    select
        source,
        pull_id,
        account,
        account_tenant_id,
        item,
        unit,
        scope_kind,
        scope_ref,
        environment,
        traffic,
        may_go_unbilled,
        attributes,
        object_id,
        quantity::numeric as quantity,
        cost,
        currency,
        usage_date,
        recorded_at
    from conversations
    union all
    select
        source,
        pull_id,
        account,
        account_tenant_id,
        item,
        unit,
        scope_kind,
        scope_ref,
        null as environment,
        'live' as traffic,
        false as may_go_unbilled,
        '{}'::jsonb as attributes,
        object_id,
        quantity::numeric as quantity,
        cost,
        currency,
        usage_date,
        recorded_at
    from metrics
    union all
    select
        source,
        pull_id,
        account,
        tenant_id as account_tenant_id,
        item,
        unit,
        scope_kind,
        scope_ref,
        environment,
        coalesce(traffic, 'live') as traffic,
        coalesce(may_go_unbilled, false) as may_go_unbilled,
        attributes::jsonb as attributes,
        concat_ws(
            '/', scope_ref, environment, item, nullif(attributes::jsonb, '{}')::text,
            to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), reference
        ) as object_id,
        quantity,
        cost,
        coalesce(currency, 'USD') as currency,
        usage_date,
        recorded_at
    from landed
)

select
    *,
    {{ usage_origin() }} as origin
from unioned
