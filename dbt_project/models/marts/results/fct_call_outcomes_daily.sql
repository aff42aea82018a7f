{{ config(
    indexes=[
        {'columns': ['account', 'usage_date']},
        {'columns': ['tenant_id', 'usage_date']},
        {'columns': ['campaign_id']},
    ]
) }}
with pulls as (
    {{ changed_results() }}
),

calls as (
    select calls.*
    from {{ ref('fct_calls') }} as calls
    inner join pulls
        on calls.source = pulls.source and calls.account = pulls.account and calls.usage_date = pulls.usage_date
    where calls.tenant_id is not null
),

results as (
    select results.*
    from {{ ref('fct_call_results') }} as results
    inner join pulls
        on results.source = pulls.source and results.account = pulls.account and results.usage_date = pulls.usage_date
),

joined as (
    select
        calls.*,
        results.evaluation_state,
        results.is_success,
        results.rating,
        -- Known from the voice provider alone: nothing is missing, and nothing is on another bill.
        calls.unknown_costs <> '{}' or calls.covered_costs <> '{}' or calls.cost_basis = 'estimated' as is_cost_unknown
    from calls
    left join results
        on
            calls.source = results.source
            and calls.account = results.account
            and calls.usage_date = results.usage_date
            and calls.call_id = results.call_id
),

daily as (
    select
        tenant_id,
        agent_id,
        campaign_id,
        source,
        account,
        usage_date,
        count(*) as calls,
        count(*) filter (where outcome = 'connected') as connected_calls,
        sum(connected_seconds) as connected_seconds,
        count(*) filter (where end_group = 'customer hung up') as customer_ended_calls,
        count(*) filter (where end_group = 'assistant ended') as assistant_ended_calls,
        count(*) filter (where end_group = 'voicemail') as voicemail_calls,
        count(*) filter (where end_group = 'no answer') as unanswered_calls,
        count(*) filter (where end_group = 'transferred') as transferred_calls,
        count(*) filter (where end_group in ('failed at provider', 'failed at us')) as failed_calls,
        count(*) filter (where is_success is not null) as judged_calls,
        count(*) filter (where is_success) as successful_calls,
        count(*) filter (where evaluation_state in ('no rubric', 'not readable')) as unread_evaluations,
        count(*) filter (where evaluation_state = 'not evaluated') as unevaluated_calls,
        count(rating) as rated_calls,
        sum(rating) as rating_sum,
        case when not bool_or(is_cost_unknown) then coalesce(sum(cost), 0) end as cost,
        case when count(distinct cost_currency) = 1 then min(cost_currency) end as cost_currency
    from joined
    group by tenant_id, agent_id, campaign_id, source, account, usage_date
)

select * from daily
