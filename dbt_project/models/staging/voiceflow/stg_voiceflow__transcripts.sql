with source as (
    select * from {{ source('raw_voiceflow', 'transcripts') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        account,
        tenant_id,
        transcript_id,
        project_id,
        environment_id,
        payload ->> 'sessionID' as session_id,
        ---------- numerics
        message_count,
        extract(epoch from ended_at - created_at)::numeric as duration_seconds,
        ---------- timestamps
        usage_date,
        created_at,
        updated_at,
        ended_at
    from source
)

select * from renamed
