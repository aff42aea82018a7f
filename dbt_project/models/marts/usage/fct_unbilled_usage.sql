{{ config(incremental_strategy='changed_tenants', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
with usage as (
    select
        tenant_id,
        agent_id,
        source,
        meter_id,
        item,
        unit,
        usage_date,
        quantity,
        case when cost_currency = 'USD' then cost end as cost,
        row_count,
        case when reason = 'unattributed' then account end as account,
        case when reason = 'unattributed' then nullif(attached_tenant_id, account) end as awaited_tenant_id,
        case when reason = 'no meter' then attributes end as attributes,
        may_go_unbilled,
        reason
    from {{ ref('int_usage_unioned') }}
    where
        reason is not null and (quantity <> 0 or reason in ('unattributed', 'error'))
        and {{ of_changed_tenants('tenant_id') }}
),

-- Usage of a tenant of whom no period is known, though the day itself says nothing against it.
outside_periods as (
    select
        usage.tenant_id,
        usage.agent_id,
        usage.source,
        usage.meter_id,
        usage.item,
        usage.unit,
        usage.usage_date,
        usage.quantity,
        case when usage.cost_currency = 'USD' then usage.cost end as cost,
        usage.row_count,
        null as account,
        null as awaited_tenant_id,
        null::jsonb as attributes,
        false as may_go_unbilled,
        'outside active dates' as reason
    from {{ ref('int_usage_unioned') }} as usage
    left join {{ ref('int_period_days') }} as periods
        on usage.tenant_id = periods.tenant_id and usage.usage_date = periods.usage_date
    where
        usage.reason is null and usage.quantity <> 0 and periods.tenant_id is null
        and {{ of_changed_tenants('usage.tenant_id') }}
),

unpriced as (
    select
        tenant_id,
        null as agent_id,
        source,
        meter_id,
        meter_id as item,
        unit,
        usage_date,
        unpriced_quantity as quantity,
        null::numeric as cost,
        null::bigint as row_count,
        null as account,
        null as awaited_tenant_id,
        null::jsonb as attributes,
        false as may_go_unbilled,
        'unpriced' as reason
    from {{ ref('int_overages_daily') }}
    where unpriced_quantity > 0 and {{ of_changed_tenants('tenant_id') }}
),

unioned as (
    select * from usage
    union all
    select * from outside_periods
    union all
    select * from unpriced
),

summed as (
    select
        tenant_id,
        agent_id,
        source,
        meter_id,
        item,
        unit,
        usage_date,
        reason,
        reason in ('unattributed', 'unpriced', 'unknown type', 'error')
        or (reason = 'no meter' and not bool_and(may_go_unbilled)) as is_blocking,
        sum(quantity) as quantity,
        sum(cost) as cost,
        sum(row_count)::bigint as row_count,
        account,
        awaited_tenant_id,
        attributes
    from unioned
    group by
        tenant_id, agent_id, source, meter_id, item, unit, usage_date, reason, account, awaited_tenant_id, attributes
)

select * from summed
where {{ is_real('tenant_id') }}
