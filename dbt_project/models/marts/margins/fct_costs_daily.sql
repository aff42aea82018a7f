with costs as (
    select * from {{ ref('int_costs_unioned') }}
    where {{ of_changed_tenants('tenant_id') }}
),

tenants as (
    select * from {{ ref('stg_control__tenants') }}
),

sources as (
    select * from {{ ref('stg_control__sources') }}
),

rates as (
    select * from {{ ref('stg_control__exchange_rates') }}
),

-- In the tenant's money, at the rate of the usage day. What falls on no tenant stays in the money it was spent in.
converted as (
    select
        costs.tenant_id,
        costs.agent_id,
        costs.campaign_id,
        costs.usage_date,
        costs.source,
        coalesce(sources.provider, costs.source) as provider,
        costs.meter_id,
        costs.component,
        costs.basis,
        case
            when costs.currency = coalesce(tenants.currency, costs.currency) then costs.cost
            else costs.cost * rates.rate
        end as amount,
        coalesce(tenants.currency, costs.currency) as currency,
        costs.cost as provider_amount,
        costs.currency as provider_currency,
        rates.rate as exchange_rate,
        rates.valid_from as exchange_rate_from,
        case
            when costs.basis = 'billed_elsewhere' then null
            when costs.cost is null then costs.unknown_reason
            when costs.currency <> tenants.currency and rates.rate is null then 'no_rate'
        end as unknown_reason
    from costs
    left join tenants on costs.tenant_id = tenants.tenant_id
    left join sources on costs.source = sources.source
    left join rates
        on
            costs.currency <> tenants.currency
            and costs.currency = rates.from_currency
            and tenants.currency = rates.to_currency
            and costs.usage_date >= rates.valid_from
            and costs.usage_date < rates.valid_to
)

select * from converted
where {{ is_real('tenant_id') }}
