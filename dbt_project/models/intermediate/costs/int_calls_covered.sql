{{ config(
    incremental_strategy='changed_days',
    indexes=[
        {'columns': ['account', 'usage_date']},
        {'columns': ['cost_account', 'usage_date']},
        {'columns': ['carrier_ref']},
    ]
) }}
with pulls as (
    {{ changed_pulls_of('calls') }}
),

covered as (
    select
        calls.source,
        calls.account,
        calls.usage_date,
        calls.pull_id,
        calls.call_id,
        calls.tenant_id,
        calls.agent_id,
        calls.campaign_id,
        calls.outcome,
        calls.cost_currency as voice_currency,
        parts.component,
        parts.covered ->> 'service' as service,
        parts.covered ->> 'by' as cost_source,
        parts.covered ->> 'account' as cost_account,
        case when parts.covered ->> 'by' is null then calls.carrier end as carrier,
        case when parts.covered ->> 'by' is null then calls.carrier_ref end as carrier_ref,
        (parts.covered ->> 'quantity')::numeric as quantity,
        parts.covered ->> 'unit' as quantity_unit,
        (parts.covered ->> 'cost')::numeric as voice_cost,
        parts.covered ->> 'unknown' as voice_unknown_reason
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
    cross join lateral jsonb_each(calls.covered_costs) as parts (component, covered)
)

select * from covered
