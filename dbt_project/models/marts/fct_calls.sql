{{ config(
    materialized='incremental',
    incremental_strategy='append',
    on_schema_change='append_new_columns',
    pre_hook="{{ delete_changed_days('vapi') }}",
    indexes=[
        {'columns': ['account', 'usage_date', 'call_id'], 'unique': true},
        {'columns': ['tenant_id', 'usage_date']},
    ]
) }}
with pulls as (
    {{ changed_pulls('vapi') }}
),

calls as (
    select measured.*
    from {{ ref('int_calls_measured') }} as measured
    where {{ in_changed_pulls('measured.pull_id') }}
),

attachments as (
    select * from {{ ref('stg_control__agent_attachments') }}
    where tenant_id is not null
),

-- The phone number decides; only where it is nobody's that day, the assistant. An own account is its tenant's whatever
-- they say.
routed as (
    select
        calls.*,
        coalesce(calls.account_tenant_id, by_number.tenant_id, by_assistant.tenant_id) as tenant_id,
        case
            when by_number.tenant_id = coalesce(calls.account_tenant_id, by_number.tenant_id) then by_number.agent_id
            when
                by_assistant.tenant_id = coalesce(calls.account_tenant_id, by_assistant.tenant_id)
                then by_assistant.agent_id
        end as agent_id
    from calls
    left join attachments as by_number
        on
            by_number.kind = 'vapi_phone_number'
            and calls.phone_number_id = by_number.value
            and calls.usage_date >= by_number.valid_from
            and calls.usage_date < by_number.valid_to
    left join attachments as by_assistant
        on
            by_assistant.kind = 'vapi_assistant'
            and calls.assistant_id = by_assistant.value
            and calls.usage_date >= by_assistant.valid_from
            and calls.usage_date < by_assistant.valid_to
),

component_costs as (
    select
        items.pull_id,
        items.call_id,
        items.component,
        sum(items.cost) as cost
    from {{ ref('stg_vapi__call_costs') }} as items
    where {{ in_changed_pulls('items.pull_id') }} and items.cost is not null
    group by items.pull_id, items.call_id, items.component
),

call_costs as (
    select
        pull_id,
        call_id,
        sum(cost) as cost,
        jsonb_object_agg(component, cost) as costs
    from component_costs
    group by pull_id, call_id
),

costed as (
    select
        routed.tenant_id,
        routed.agent_id,
        routed.call_id,
        routed.account,
        routed.pull_id,
        routed.usage_date,
        routed.outcome,
        routed.status,
        case routed.call_type
            when 'inboundPhoneCall' then 'inbound'
            when 'outboundPhoneCall' then 'outbound'
            else 'web'
        end as direction,
        routed.ended_reason,
        routed.phone_number_id,
        routed.assistant_id,
        routed.connected_seconds,
        routed.units,
        case
            when routed.account_tenant_id is not null then 'billed_elsewhere'
            when call_costs.cost is not null or routed.total_cost is not null then 'reported'
            when routed.outcome = 'connected' then 'estimated'
            else 'none'
        end as cost_basis,
        coalesce(call_costs.cost, routed.total_cost) as cost,
        case
            when call_costs.cost is not null then call_costs.costs
            when routed.total_cost is not null then jsonb_build_object('total', routed.total_cost)
            else '{}'
        end as costs,
        'USD' as cost_currency,
        routed.created_at,
        routed.started_at,
        routed.ended_at
    from routed
    left join call_costs on routed.pull_id = call_costs.pull_id and routed.call_id = call_costs.call_id
)

select * from costed
