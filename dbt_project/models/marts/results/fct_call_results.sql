{{ config(
    pre_hook="{{ whole_joins() }}",
    indexes=[
        {'columns': ['account', 'usage_date', 'call_id', 'source'], 'unique': true},
        {'columns': ['tenant_id', 'usage_date', 'call_id']},
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
),

-- Taken apart once, and not for each call that it is looked up for.
said as materialized (
    select results.*
    from {{ ref('stg_contracts__call_results') }} as results
    where {{ in_changed_pulls('results.pull_id') }}
),

rules as (
    select * from {{ ref('stg_control__result_rules') }}
),

results as (
    select
        calls.tenant_id,
        calls.agent_id,
        calls.call_id,
        calls.source,
        calls.account,
        calls.usage_date,
        calls.outcome,
        calls.scopes,
        said.customer,
        said.transfer_to,
        said.summary,
        said.evaluation,
        said.outputs,
        jsonb_array_length(said.turns) as turns,
        coalesce(said.has_recording, false) as has_recording,
        said.consent
    from calls
    left join said
        on
            calls.source = said.source
            and calls.account = said.account
            and calls.usage_date = said.usage_date
            and calls.call_id = said.call_id
),

-- The first of a call's ids that has a rubric decides by which its evaluation is read.
rubrics as (
    select distinct on (results.source, results.account, results.usage_date, results.call_id)
        results.source,
        results.account,
        results.usage_date,
        results.call_id,
        rules.rubric,
        {{ is_success('results.evaluation', 'rules.rubric', 'rules.success_from') }} as is_success
    from results
    cross join lateral jsonb_each_text(results.scopes) as scopes (kind, value)
    inner join rules
        on results.tenant_id = rules.tenant_id and scopes.kind = rules.kind and scopes.value = rules.value
    where results.evaluation is not null
    order by results.source, results.account, results.usage_date, results.call_id, rules.kind
),

-- Of two outputs of one meaning the first by id that has a value is taken.
outputs as (
    select
        results.source,
        results.account,
        results.usage_date,
        results.call_id,
        (
            array_agg({{ json_number("output.said -> 'result'") }} order by rules.value)
            filter (where rules.meaning = 'rating' and {{ json_number("output.said -> 'result'") }} is not null)
        )[1] as rating,
        (
            array_agg(output.said ->> 'result' order by rules.value)
            filter (where rules.meaning = 'sentiment' and jsonb_typeof(output.said -> 'result') = 'string')
        )[1] as sentiment,
        (
            array_agg(
                case jsonb_typeof(output.said -> 'result')
                    when 'array' then output.said -> 'result' else jsonb_build_array(output.said -> 'result')
                end
                order by rules.value
            )
            filter (where rules.meaning = 'categories' and jsonb_typeof(output.said -> 'result') in ('array', 'string'))
        )[1] as categories
    from results
    cross join lateral jsonb_each(results.outputs) as output (output_id, said)
    inner join rules
        on results.tenant_id = rules.tenant_id and output.output_id = rules.value and rules.meaning is not null
    where results.outputs is not null
    group by results.source, results.account, results.usage_date, results.call_id
),

judged as (
    select
        results.tenant_id,
        results.agent_id,
        results.call_id,
        results.source,
        results.account,
        results.usage_date,
        results.customer,
        results.transfer_to,
        results.summary,
        results.evaluation,
        -- What is not known has a name of its own, and none of them is a failure.
        case
            when results.evaluation is not null and rubrics.rubric is null then 'no rubric'
            when results.evaluation is not null and rubrics.is_success is null then 'not readable'
            when rubrics.is_success then 'succeeded'
            when results.evaluation is not null then 'failed'
            when results.outcome <> 'connected' then 'not connected'
            when coalesce(results.summary, results.turns::text, results.outputs::text) is not null then 'not evaluated'
            else 'not stored'
        end as evaluation_state,
        rubrics.is_success,
        outputs.rating,
        outputs.sentiment,
        outputs.categories,
        results.outputs,
        results.turns,
        results.has_recording,
        results.consent
    from results
    left join rubrics
        on
            results.source = rubrics.source
            and results.account = rubrics.account
            and results.usage_date = rubrics.usage_date
            and results.call_id = rubrics.call_id
    left join outputs
        on
            results.source = outputs.source
            and results.account = outputs.account
            and results.usage_date = outputs.usage_date
            and results.call_id = outputs.call_id
)

select * from judged
