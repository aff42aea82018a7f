{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'line_id']}, {'columns': ['line_id']}]) }}
with usage as (
    select
        tenant_id,
        meter_id,
        usage_date,
        pull_id,
        agent_id,
        origin,
        sum(quantity) as quantity,
        sum(row_count)::bigint as row_count
    from {{ ref('int_usage_unioned') }}
    where
        meter_id is not null and reason is null and quantity <> 0
        and {{ of_changed_tenants('tenant_id') }}
    group by tenant_id, meter_id, usage_date, pull_id, agent_id, origin
),

parts as (
    select
        days.line_id,
        days.tenant_id,
        days.period_start,
        days.meter_id,
        days.source,
        days.usage_date,
        usage.pull_id,
        usage.agent_id,
        usage.origin,
        usage.quantity,
        usage.row_count
    from {{ ref('fct_line_days') }} as days
    inner join usage
        on
            days.tenant_id = usage.tenant_id
            and days.meter_id = usage.meter_id
            and days.usage_date = usage.usage_date
    where {{ of_changed_tenants('days.tenant_id') }}
)

select * from parts
