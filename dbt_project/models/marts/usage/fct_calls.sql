{{ config(
    indexes=[
        {'columns': ['account', 'usage_date', 'call_id', 'source'], 'unique': true},
        {'columns': ['tenant_id', 'usage_date']},
    ]
) }}
with pulls as (
    {{ changed_pulls_of('calls') }}
),

calls as (
    select measured.*
    from {{ ref('int_calls_measured') }} as measured
    where {{ in_changed_pulls('measured.pull_id') }}
),

attachments as (
    select * from {{ ref('stg_control__scopes') }}
    where tenant_id is not null
),

-- The first of its ids that is attached that day decides. An own account is its tenant's whatever they say.
attached as (
    select distinct on (calls.pull_id, calls.call_id)
        calls.pull_id,
        calls.call_id,
        attachments.tenant_id,
        attachments.agent_id
    from calls
    cross join lateral jsonb_each_text(calls.scopes) as scopes (kind, value)
    inner join attachments
        on
            scopes.kind = attachments.kind
            and scopes.value = attachments.value
            and calls.usage_date >= attachments.valid_from
            and calls.usage_date < attachments.valid_to
            and attachments.tenant_id = coalesce(calls.account_tenant_id, attachments.tenant_id)
    order by calls.pull_id, calls.call_id, attachments.rank
),

routed as (
    select
        calls.*,
        coalesce(calls.account_tenant_id, attached.tenant_id) as tenant_id,
        attached.agent_id
    from calls
    left join attached on calls.pull_id = attached.pull_id and calls.call_id = attached.call_id
),

-- On whose bill components of these calls are, as the nearest declaration that is in force says.
coverage as (
    select distinct on (routed.pull_id, routed.call_id, covered.component)
        routed.pull_id,
        routed.call_id,
        routed.outcome,
        covered.component,
        covered.service,
        covered.cost_source,
        covered.cost_account
    from routed
    cross join
        lateral (
            values
            ('agent/' || routed.agent_id),
            ('tenant/' || routed.tenant_id),
            (case when routed.account_tenant_id is null then 'platform' end)
        ) as whose (calls_key)
    inner join {{ ref('stg_control__cost_coverage') }} as covered
        on
            routed.source = covered.source
            and whose.calls_key = covered.calls_key
            and routed.usage_date >= covered.valid_from
            and routed.usage_date < covered.valid_to
    order by routed.pull_id, routed.call_id, covered.component, covered.rank
),

-- A call that was carried by somebody whose bill is read call by call has its price there, declared or not.
carriers as (
    select distinct sources.provider
    from {{ ref('stg_ledger__current_pulls') }} as current_pulls
    inner join {{ ref('stg_control__sources') }} as sources
        on current_pulls.source = sources.source and sources.details_calls
),

carried as (
    select
        routed.pull_id,
        routed.call_id,
        telephony.component,
        telephony.service
    from routed
    inner join carriers on routed.carrier = carriers.provider
    inner join {{ ref('stg_control__sources') }} as sources on routed.source = sources.source
    cross join lateral jsonb_each_text(sources.components) as telephony (component, service)
    where routed.carrier_ref is not null and telephony.service = 'telephony'
),

-- A connected call used what is declared for it, also where the voice provider does not name it.
elsewhere as (
    select
        pull_id,
        call_id,
        component,
        service,
        null as cost_source,
        null as cost_account,
        true as is_used
    from carried
    union all
    select
        coverage.pull_id,
        coverage.call_id,
        coverage.component,
        coverage.service,
        coverage.cost_source,
        coverage.cost_account,
        coverage.outcome = 'connected' as is_used
    from coverage
    left join carried
        on
            coverage.pull_id = carried.pull_id
            and coverage.call_id = carried.call_id
            and coverage.component = carried.component
    where coverage.cost_source is not null and carried.component is null
),

-- What costs 0 although something was used was billed elsewhere, and what has no number is not known; a component either
-- has a number or a reason why it has none.
component_costs as (
    select
        items.pull_id,
        items.call_id,
        items.component,
        sum(items.cost) as cost,
        max(items.minutes) as minutes,
        case when count(distinct items.quantity_unit) = 1 then sum(items.quantity) end as quantity,
        min(items.quantity_unit) as quantity_unit,
        case
            when bool_or(items.cost is null) then 'no_number'
            when bool_or(items.is_billed_as_0) then 'billed_as_0'
        end as unknown_reason
    from {{ ref('stg_contracts__call_costs') }} as items
    where {{ in_changed_pulls('items.pull_id') }}
    group by items.pull_id, items.call_id, items.component
),

-- A component has one basis: what the voice provider says of one that is on another bill is kept beside, and counts nowhere.
settled as (
    select
        coalesce(costs.pull_id, elsewhere.pull_id) as pull_id,
        coalesce(costs.call_id, elsewhere.call_id) as call_id,
        coalesce(costs.component, elsewhere.component) as component,
        costs.cost,
        costs.minutes,
        costs.unknown_reason,
        case
            when elsewhere.component is not null
                then jsonb_build_object(
                    'service', elsewhere.service,
                    'by', elsewhere.cost_source,
                    'account', elsewhere.cost_account,
                    'quantity', costs.quantity,
                    'unit', costs.quantity_unit,
                    'cost', costs.cost,
                    'unknown', costs.unknown_reason
                )
        end as covered
    from component_costs as costs
    full join elsewhere
        on
            costs.pull_id = elsewhere.pull_id
            and costs.call_id = elsewhere.call_id
            and costs.component = elsewhere.component
    where costs.component is not null or elsewhere.is_used
),

call_costs as (
    select
        pull_id,
        call_id,
        sum(cost) as cost,
        max(minutes) as charged_minutes,
        coalesce(jsonb_object_agg(component, cost) filter (where cost is not null and covered is null), '{}')
            as all_costs,
        coalesce(jsonb_object_agg(component, cost) filter (where unknown_reason is null and covered is null), '{}')
            as known_costs,
        coalesce(
            jsonb_object_agg(component, unknown_reason) filter (where unknown_reason is not null and covered is null),
            '{}'
        ) as unknown_costs,
        coalesce(jsonb_object_agg(component, covered) filter (where covered is not null), '{}') as covered_costs
    from settled
    group by pull_id, call_id
),

-- Costs that a person has looked at and let stand.
accepted as (
    select distinct
        account,
        usage_date,
        subject,
        evidence
    from {{ ref('stg_ledger__acceptances') }}
    where source = 'vapi' and doubt = 'costs_differ'
),

-- The call's own total is rounded to a ten-thousandth; where its parts come to something else, what is between is not known. Of a
-- call without a number, what is beside a part on another bill is not known either: an estimate is of the whole call.
judged as (
    select
        routed.*,
        call_costs.cost as cost_of_parts,
        call_costs.charged_minutes,
        call_costs.all_costs,
        call_costs.known_costs,
        coalesce(call_costs.covered_costs, '{}') as covered_costs,
        case
            when routed.account_tenant_id is not null then '{}'::jsonb
            when abs(routed.total_cost - call_costs.cost) > 0.0001 and accepted.subject is null
                then call_costs.unknown_costs || '{"difference": "totals_differ"}'
            when call_costs.cost is not null then call_costs.unknown_costs
            when routed.total_cost = 0 and routed.connected_seconds > 0 then '{"total": "billed_as_0"}'
            when routed.total_cost is null and routed.outcome = 'connected' and call_costs.covered_costs <> '{}'
                then '{"call": "no_number"}'
            else '{}'
        end as unknown_costs
    from routed
    left join call_costs on routed.pull_id = call_costs.pull_id and routed.call_id = call_costs.call_id
    left join accepted
        on
            routed.account = accepted.account
            and routed.usage_date = accepted.usage_date
            and routed.call_id = accepted.subject
            and accepted.evidence = {{ figures(
                'routed.total_cost', "case when call_costs.known_costs <> '{}' or call_costs.covered_costs <> '{}' then call_costs.cost else 0 end"
            ) }}
),

with_costs as (
    select
        *,
        case
            when cost_of_parts is not null and account_tenant_id is not null then all_costs
            when cost_of_parts is not null then known_costs
            when total_cost is not null and unknown_costs = '{}' then jsonb_build_object('total', total_cost)
            else '{}'
        end as costs
    from judged
),

costed as (
    select
        with_costs.tenant_id,
        with_costs.agent_id,
        with_costs.call_id,
        with_costs.source,
        with_costs.account,
        with_costs.pull_id,
        with_costs.usage_date,
        with_costs.outcome,
        with_costs.status,
        with_costs.direction,
        with_costs.ended_reason,
        with_costs.end_group,
        with_costs.campaign_id,
        with_costs.phone_number_id,
        with_costs.assistant_id,
        with_costs.squad_id,
        with_costs.workflow_id,
        with_costs.scopes,
        with_costs.carrier,
        with_costs.carrier_account,
        with_costs.carrier_ref,
        with_costs.connected_seconds,
        with_costs.units,
        case
            when with_costs.account_tenant_id is not null then 'billed_elsewhere'
            when with_costs.costs <> '{}' then 'reported_by_voice'
            when with_costs.unknown_costs <> '{}' then 'unknown'
            when with_costs.cost_of_parts is not null and with_costs.covered_costs <> '{}' then 'covered'
            when with_costs.outcome = 'connected' then 'estimated'
            else 'none'
        end as cost_basis,
        case
            when with_costs.costs <> '{}' or with_costs.covered_costs <> '{}'
                then coalesce(with_costs.cost_of_parts, with_costs.total_cost)
        end as cost,
        with_costs.costs,
        with_costs.unknown_costs,
        with_costs.covered_costs,
        with_costs.total_cost,
        with_costs.charged_minutes,
        with_costs.cost_currency,
        with_costs.created_at,
        with_costs.started_at,
        with_costs.ended_at
    from with_costs
)

select * from costed
