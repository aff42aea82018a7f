with mapped as (
    select * from {{ ref('stg_vapi__call_results') }}
),

opened as (
    select
        landed.source,
        landed.pull_id,
        landed.account,
        landed.usage_date,
        landed.call_id,
        answer.customer,
        answer.destination,
        answer.analysis,
        answer.transcript,
        answer.recording,
        answer.consent
    from {{ source('contracts', 'calls') }} as landed
    cross join
        lateral json_to_record(landed.payload) as answer (
            customer json, destination json, analysis json, transcript json, recording json, consent json
        )
),

unioned as (
    select
        source,
        pull_id,
        account,
        usage_date,
        call_id,
        customer,
        transfer_to,
        summary,
        evaluation,
        outputs,
        turns,
        has_recording,
        consent
    from mapped
    union all
    select
        source,
        pull_id,
        account,
        usage_date,
        call_id,
        {{ json_text('customer') }} as customer,
        {{ json_text('destination') }} as transfer_to,
        {{ json_text("analysis -> 'summary'") }} as summary,
        {{ json_text("analysis -> 'evaluation'") }} as evaluation,
        {{ json_document("analysis -> 'outputs'") }} as outputs,
        {{ json_document(json_list('transcript')) }} as turns,
        recording is not null as has_recording,
        {{ json_text('consent') }} as consent
    from opened
)

select * from unioned
