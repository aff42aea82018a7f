-- Reported wherever the provider names a number; estimated only where it names none, and unknown without a unit cost.
with usage as (
    select * from {{ ref('int_usage_unioned') }}
    where {{ of_changed_tenants('tenant_id') }}
),

call_costs as (
    select
        costs.tenant_id,
        costs.agent_id,
        costs.usage_date,
        costs.source,
        periods.voice_meter_id as meter_id,
        costs.component,
        costs.cost_basis as basis,
        costs.unknown_reason,
        costs.cost_currency as currency,
        costs.cost
    from {{ ref('int_call_costs_daily') }} as costs
    left join {{ ref('int_period_days') }} as periods
        on costs.tenant_id = periods.tenant_id and costs.usage_date = periods.usage_date
    where {{ of_changed_tenants('costs.tenant_id') }}
),

metric_costs as (
    select
        usage.tenant_id,
        usage.agent_id,
        usage.usage_date,
        usage.source,
        usage.meter_id,
        coalesce(meters.metric_type, usage.item) as component,
        'reported_by_provider' as basis,
        null as unknown_reason,
        'USD' as currency,
        usage.cost
    from usage
    left join {{ ref('stg_control__meters') }} as meters on usage.meter_id = meters.meter_id
    inner join {{ ref('stg_control__sources') }} as sources
        on usage.source = sources.source and sources.contract = 'usage'
    where usage.cost is not null
),

estimates as (
    select
        usage.tenant_id,
        usage.agent_id,
        usage.usage_date,
        usage.source,
        usage.meter_id,
        -- Calls no meter counts cannot be estimated; under the word "voice" they would void a cost that is reported.
        case when usage.item = 'voice' and usage.meter_id is null then 'call' else usage.item end as component,
        case
            when usage.is_billed_elsewhere then 'billed_elsewhere'
            when unit_costs.unit_cost is null then 'unknown'
            else 'estimated'
        end as basis,
        case
            when usage.is_billed_elsewhere or unit_costs.unit_cost is not null then null
            when usage.meter_id is null then 'no_meter'
            else 'no_unit_cost'
        end as unknown_reason,
        coalesce(unit_costs.currency, 'USD') as currency,
        usage.uncosted_quantity * unit_costs.unit_cost as cost
    from usage
    left join {{ ref('stg_control__unit_costs') }} as unit_costs
        on
            usage.meter_id = unit_costs.meter_id
            and usage.usage_date >= unit_costs.valid_from
            and usage.usage_date < unit_costs.valid_to
    where usage.uncosted_quantity > 0
),

provider_costs as (
    select
        tenant_id,
        agent_id,
        usage_date,
        source,
        null as meter_id,
        component,
        basis,
        unknown_reason,
        currency,
        cost
    from {{ ref('int_provider_costs_daily') }}
    where {{ of_changed_tenants('tenant_id') }}
),

fixed_costs as (
    select
        tenant_id,
        null as agent_id,
        usage_date,
        'fixed' as source,
        null as meter_id,
        fixed_cost_id as component,
        'allocated' as basis,
        null as unknown_reason,
        currency,
        cost
    from {{ ref('int_fixed_costs_allocated') }}
    where {{ of_changed_tenants('tenant_id') }}
),

payment_fees as (
    select
        tenant_id,
        null as agent_id,
        usage_date,
        'payment' as source,
        null as meter_id,
        'payment' as component,
        'estimated' as basis,
        null as unknown_reason,
        currency,
        cost
    from {{ ref('int_payment_fees') }}
    where {{ of_changed_tenants('tenant_id') }}
),

unioned as (
    select * from call_costs
    union all
    select * from metric_costs
    union all
    select * from estimates
    union all
    select * from provider_costs
    union all
    select * from fixed_costs
    union all
    select * from payment_fees
),

summed as (
    select
        tenant_id,
        agent_id,
        usage_date,
        source,
        meter_id,
        component,
        basis,
        min(unknown_reason) as unknown_reason,
        currency,
        case when count(cost) = count(*) then sum(cost) end as cost
    from unioned
    group by tenant_id, agent_id, usage_date, source, meter_id, component, basis, currency
)

select * from summed
