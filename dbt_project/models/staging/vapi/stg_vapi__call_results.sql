-- What came of calls, as far as each tenant chose to have it stored: nothing of it is billed.
with opened as (
    select
        calls.pull_id,
        calls.account,
        calls.usage_date,
        calls.call_id,
        answer.customer,
        answer.destination,
        answer.analysis,
        answer.artifact,
        answer.summary,
        answer.compliance,
        -- Older answers have the conversation beside the artifact alone.
        coalesce(
            {{ json_list("answer.artifact -> 'messages'") }}, {{ json_list('answer.messages') }}
        ) as messages,
        coalesce(
            {{ json_text("answer.artifact -> 'transcript'") }}, {{ json_text('answer.transcript') }}
        ) as transcript,
        coalesce(
            {{ json_text('answer."recordingUrl"') }},
            {{ json_text('answer."stereoRecordingUrl"') }},
            answer.artifact ->> 'recordingUrl',
            answer.artifact ->> 'stereoRecordingUrl',
            answer.artifact ->> 'recording'
        ) is not null as has_recording
    from {{ source('raw_vapi', 'calls') }} as calls
    cross join
        lateral json_to_record(calls.payload) as answer (
            customer json,
            destination json,
            analysis json,
            artifact json,
            messages json,
            transcript json,
            summary json,
            compliance json,
            "recordingUrl" json,
            "stereoRecordingUrl" json
        )
),

renamed as (
    select
        ---------- ids
        'vapi' as source,
        opened.pull_id,
        opened.account,
        opened.usage_date,
        opened.call_id,
        ---------- texts
        coalesce(
            {{ json_text("opened.customer -> 'number'") }},
            {{ json_text("opened.customer -> 'sipUri'") }},
            {{ json_text("opened.customer -> 'name'") }}
        ) as customer,
        coalesce(
            {{ json_text("opened.destination -> 'number'") }},
            {{ json_text("opened.destination -> 'sipUri'") }},
            {{ json_text("opened.destination -> 'assistantName'") }},
            {{ json_text("opened.artifact #> '{transfers,0,destination,number}'") }},
            {{ json_text("opened.artifact #> '{transfers,0,destination,sipUri}'") }},
            {{ json_text("opened.artifact #> '{transfers,0,destination,assistantName}'") }}
        ) as transfer_to,
        coalesce({{ json_text("opened.analysis -> 'summary'") }}, {{ json_text('opened.summary') }}) as summary,
        nullif(opened.analysis ->> 'successEvaluation', '') as evaluation,
        {{ json_text("opened.compliance #> '{recordingConsent,type}'") }} as consent,
        ---------- structures
        case
            when json_typeof(opened.artifact -> 'structuredOutputs') = 'object'
                then nullif({{ json_document("opened.artifact -> 'structuredOutputs'") }}, '{}')
        end as outputs,
        coalesce(
            -- What systems and tools say is no part of the conversation.
            (
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'speaker',
                            case when turn.said ->> 'role' in ('user', 'customer') then 'customer' else 'agent' end,
                            'seconds', {{ json_number("turn.said -> 'secondsFromStart'") }},
                            'text',
                            coalesce(
                                {{ json_text("turn.said -> 'message'") }}, {{ json_text("turn.said -> 'content'") }}
                            )
                        )
                        order by turn.place
                    )
                from json_array_elements(opened.messages) with ordinality as turn (said, place)
                where
                    turn.said ->> 'role' in ('bot', 'assistant', 'user', 'customer')
                    and coalesce(
                        {{ json_text("turn.said -> 'message'") }}, {{ json_text("turn.said -> 'content'") }}
                    ) is not null
            ),
            (
                select
                    jsonb_agg(
                        jsonb_build_object(
                            'speaker',
                            case
                                when line.said ~ '^(AI|Bot|Assistant):' then 'agent'
                                when line.said ~ '^(User|Customer):' then 'customer'
                                else 'other'
                            end,
                            'seconds', null,
                            'text', regexp_replace(line.said, '^(AI|Bot|Assistant|User|Customer): *', '')
                        )
                        order by line.place
                    )
                from string_to_table(opened.transcript, chr(10)) with ordinality as line (said, place)
                where trim(line.said) <> ''
            )
        ) as turns,
        ---------- booleans
        opened.has_recording
    from opened
)

select * from renamed
