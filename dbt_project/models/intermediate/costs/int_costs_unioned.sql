-- Reported wherever the provider names a number; estimated only where it names none, and unknown without a unit cost.
with usage as (
    select * from {{ ref('int_usage_unioned') }}
    where {{ of_changed_tenants('tenant_id') }}
),

unit_costs as (
    select * from {{ ref('stg_control__unit_costs') }}
),

-- What a person knows to be on a bill that is not read here.
elsewhere as (
    select distinct
        source,
        tenant_id,
        usage_date,
        subject as component,
        evidence as unknown_reason
    from {{ ref('stg_ledger__acceptances') }}
    where doubt = 'billed_elsewhere' and {{ of_changed_tenants('tenant_id') }}
),

call_costs as (
    select
        costs.tenant_id,
        costs.agent_id,
        costs.campaign_id,
        costs.usage_date,
        costs.source,
        periods.voice_meter_id as meter_id,
        costs.component,
        case when rests.unit_cost is null then costs.cost_basis else 'estimated' end as basis,
        case when rests.unit_cost is null then costs.unknown_reason end as unknown_reason,
        coalesce(rests.currency, costs.cost_currency) as currency,
        coalesce(costs.cost, units.rest_quantity * rests.unit_cost) as cost
    from {{ ref('int_call_costs_daily') }} as costs
    left join {{ ref('int_period_days') }} as periods
        on costs.tenant_id = periods.tenant_id and costs.usage_date = periods.usage_date
    -- What is beside a part on another bill, where the voice provider names no number: it costs what a unit of it does.
    left join {{ ref('int_call_units_daily') }} as units
        on
            costs.component = 'call'
            and costs.unknown_reason = 'no_number'
            and costs.source = units.source
            and costs.account = units.account
            and costs.usage_date = units.usage_date
            and costs.tenant_id = units.tenant_id
            and costs.agent_id is not distinct from units.agent_id
            and costs.campaign_id is not distinct from units.campaign_id
            and periods.voice_meter_id = units.meter_id
    left join unit_costs as rests
        on
            rests.is_rest
            and units.meter_id = rests.meter_id
            and costs.usage_date >= rests.valid_from
            and costs.usage_date < rests.valid_to
    where {{ of_changed_tenants('costs.tenant_id') }}
),

metric_costs as (
    select
        usage.tenant_id,
        usage.agent_id,
        usage.campaign_id,
        usage.usage_date,
        usage.source,
        usage.meter_id,
        usage.used_item as component,
        case when usage.is_billed_elsewhere then 'billed_elsewhere' else 'reported_by_provider' end as basis,
        null as unknown_reason,
        usage.cost_currency as currency,
        usage.cost
    from usage
    where usage.cost is not null and usage.used_item is not null
),

estimates as (
    select
        usage.tenant_id,
        usage.agent_id,
        usage.campaign_id,
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
    left join unit_costs
        on
            not unit_costs.is_rest
            and usage.meter_id = unit_costs.meter_id
            and usage.usage_date >= unit_costs.valid_from
            and usage.usage_date < unit_costs.valid_to
    where usage.uncosted_quantity > 0
),

current_pulls as (
    select * from {{ ref('stg_ledger__current_pulls') }}
    where contract = 'costs'
),

-- What is on another bill and was found on none.
not_on_a_bill as (
    select
        covered.tenant_id,
        covered.agent_id,
        covered.campaign_id,
        covered.usage_date,
        covered.source,
        periods.voice_meter_id as meter_id,
        covered.component,
        covered.basis,
        covered.unknown_reason,
        covered.currency,
        covered.cost
    from {{ ref('int_covered_costs_daily') }} as covered
    left join {{ ref('int_period_days') }} as periods
        on covered.tenant_id = periods.tenant_id and covered.usage_date = periods.usage_date
    left join current_pulls
        on
            covered.cost_source = current_pulls.source
            and covered.cost_account = current_pulls.account
            and covered.usage_date = current_pulls.usage_date
    where {{ of_changed_tenants('covered.tenant_id') }} and current_pulls.pull_id is null
),

-- What of a bill is a call's counts on our day of the call, and what is left of the bill on the provider's.
on_calls as (
    select
        moves.tenant_id,
        moves.agent_id,
        moves.campaign_id,
        moves.call_date as usage_date,
        moves.bill_source as source,
        periods.voice_meter_id as meter_id,
        moves.component,
        moves.basis,
        moves.unknown_reason,
        moves.currency,
        moves.cost
    from {{ ref('int_cost_moves_daily') }} as moves
    left join {{ ref('int_period_days') }} as periods
        on moves.tenant_id = periods.tenant_id and moves.call_date = periods.usage_date
    where {{ of_changed_tenants('moves.tenant_id') }}
),

bills as (
    select
        tenant_id,
        agent_id,
        usage_date,
        bill_source as source,
        component,
        basis,
        unknown_reason,
        currency,
        cost,
        false as is_moved
    from {{ ref('int_provider_costs_daily') }}
    where payer = 'provider_account' and {{ of_changed_tenants('tenant_id') }}
    union all
    select
        moves.bill_tenant_id as tenant_id,
        moves.bill_agent_id as agent_id,
        moves.usage_date,
        moves.bill_source as source,
        moves.service as component,
        moves.bill_basis as basis,
        moves.unknown_reason,
        moves.currency,
        -moves.cost as cost,
        true as is_moved
    from {{ ref('int_cost_moves_daily') }} as moves
    inner join current_pulls
        on
            moves.bill_source = current_pulls.source
            and moves.account = current_pulls.account
            and moves.usage_date = current_pulls.usage_date
    where
        moves.bill_basis <> 'nothing' and coalesce(moves.unknown_reason, '') <> 'no_quantity'
        and {{ of_changed_tenants('moves.bill_tenant_id') }}
),

-- What went to calls whole is left nowhere; nor is what is not known, once calls say so.
provider_costs as (
    select
        tenant_id,
        agent_id,
        null as campaign_id,
        usage_date,
        source,
        null as meter_id,
        component,
        basis,
        unknown_reason,
        currency,
        case when unknown_reason is null then coalesce(sum(cost), 0) end as cost
    from bills
    group by tenant_id, agent_id, usage_date, source, component, basis, unknown_reason, currency
    having not bool_or(is_moved) or (unknown_reason is null and coalesce(sum(cost), 0) <> 0)
),

fixed_costs as (
    select
        tenant_id,
        null as agent_id,
        null as campaign_id,
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
        null as campaign_id,
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
    select * from on_calls
    union all
    select * from not_on_a_bill
    union all
    select * from fixed_costs
    union all
    select * from payment_fees
),

settled as (
    select
        unioned.tenant_id,
        unioned.agent_id,
        unioned.campaign_id,
        unioned.usage_date,
        unioned.source,
        unioned.meter_id,
        unioned.component,
        case when elsewhere.source is null then unioned.basis else 'billed_elsewhere' end as basis,
        case when elsewhere.source is null then unioned.unknown_reason end as unknown_reason,
        unioned.currency,
        case when elsewhere.source is null then unioned.cost else 0 end as cost
    from unioned
    left join elsewhere
        on
            unioned.tenant_id = elsewhere.tenant_id
            and unioned.usage_date = elsewhere.usage_date
            and unioned.source = elsewhere.source
            and unioned.component = elsewhere.component
            and unioned.unknown_reason = elsewhere.unknown_reason
),

summed as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        usage_date,
        source,
        meter_id,
        component,
        basis,
        min(unknown_reason) as unknown_reason,
        currency,
        case when count(cost) = count(*) then sum(cost) end as cost
    from settled
    group by tenant_id, agent_id, campaign_id, usage_date, source, meter_id, component, basis, currency
)

select * from summed
