-- Transcripts by when and how long they were; nothing that was said.
select
    t.pull_id,
    t.transcript_id as item,
    f.key as field,
    f.value,
    null::numeric as number
from {raw} as t
cross join
    lateral jsonb_each(
        jsonb_strip_nulls(
            jsonb_build_object(
                'project', t.project_id,
                'environment', t.environment_id,
                'created at', t.created_at,
                'updated at', t.updated_at,
                'ended at', t.ended_at,
                'messages', t.message_count
            )
        )
    ) as f (key, value)
where t.pull_id in (%(before)s, %(after)s)
