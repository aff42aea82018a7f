-- A transcript is what was said: a tenant's choice, its retention period and its erasure reach it as they reach a call.
create function ledger.facts_of_a_transcript() returns text[]
language sql immutable set search_path = '' as $$
    select array['id', 'projectID', 'environmentID', 'createdAt', 'updatedAt', 'expiresAt', 'endedAt']
$$;
comment on function ledger.facts_of_a_transcript() is
'When a conversation was and with what: no choice and no retention period touches it.';
revoke execute on function ledger.facts_of_a_transcript() from public;

create function ledger.minimise_transcripts(of_pulls bigint[], of_transcripts text[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    facts constant text[] := ledger.facts_of_a_transcript();
    changed bigint;
begin
    if exists (
        select from unnest(of_pulls, of_transcripts, minimised) as wanted (pull_id, transcript_id, payload)
        inner join raw_voiceflow.transcripts as t
            on wanted.pull_id = t.pull_id and wanted.transcript_id = t.transcript_id
        where
            ledger.without_personal_data(wanted.payload, facts)::text
            <> ledger.without_personal_data(t.payload, facts)::text
    ) then
        raise exception 'a fact of a transcript would change: only what is personal may be taken out';
    end if;
    update raw_voiceflow.transcripts as t set payload = wanted.payload
    from unnest(of_pulls, of_transcripts, minimised) as wanted (pull_id, transcript_id, payload)
    where wanted.pull_id = t.pull_id and wanted.transcript_id = t.transcript_id;
    get diagnostics changed = row_count;
    return changed;
end
$$;
revoke execute on function ledger.minimise_transcripts(bigint[], text[], json[]) from public;
grant execute on function ledger.minimise_transcripts(bigint[], text[], json[]) to minutebook_loader;

create or replace function ledger.forget_personal_data(of_tenant text, before_date date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    -- What dbt, the content hash and Vapi's support need of a call.
    of_calls constant text[] := array[
        'id', 'orgId', 'type', 'status', 'endedReason', 'assistantId', 'phoneNumberId', 'createdAt', 'updatedAt',
        'startedAt', 'endedAt', 'cost', 'costs', 'costBreakdown'
    ];
    of_metrics constant text[] := array['cost_usd'];
    own_rows bigint;
    metric_rows bigint;
    chat_rows bigint;
    transcript_rows bigint;
begin
    update raw_vapi.calls as c set payload = ledger.without_personal_data(c.payload, of_calls)
    where
        c.usage_date < before_date
        and (
            c.tenant_id = of_tenant
            or c.tenant_id is null and exists (
                select from marts.fct_calls as routed
                where
                    routed.tenant_id = of_tenant and routed.account = c.account
                    and routed.usage_date = c.usage_date and routed.call_id = c.call_id
            )
        )
        and exists (select from pg_catalog.json_object_keys(c.payload) as part (key) where part.key <> all(of_calls));
    get diagnostics own_rows = row_count;
    update raw_usage_metrics.metrics as m set payload = ledger.without_personal_data(m.payload, of_metrics)
    where
        m.usage_date < before_date and m.tenant_id = of_tenant
        and exists (select from pg_catalog.json_object_keys(m.payload) as part (key) where part.key <> all(of_metrics));
    get diagnostics metric_rows = row_count;
    -- Top intents are what visitors asked for, in words.
    update raw_voiceflow.usage as u set payload = '{}'
    where u.usage_date < before_date and u.tenant_id = of_tenant and u.metric = 'top_intents' and u.payload::text <> '{}';
    get diagnostics chat_rows = row_count;
    update raw_voiceflow.transcripts as t
    set payload = ledger.without_personal_data(t.payload, ledger.facts_of_a_transcript())
    where
        t.usage_date < before_date and t.tenant_id = of_tenant
        and exists (
            select from pg_catalog.json_object_keys(t.payload) as part (key)
            where part.key <> all(ledger.facts_of_a_transcript())
        );
    get diagnostics transcript_rows = row_count;
    if own_rows + metric_rows + chat_rows + transcript_rows > 0 then
        insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
        values (
            coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'forget', 'raw_vapi.calls',
            of_tenant,
            pg_catalog.jsonb_build_object(
                'before', before_date, 'calls', own_rows, 'metrics', metric_rows, 'intents', chat_rows,
                'transcripts', transcript_rows
            )
        );
    end if;
    return own_rows + metric_rows + chat_rows + transcript_rows;
end
$$;
