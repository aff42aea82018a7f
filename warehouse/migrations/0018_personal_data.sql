-- What a call's answer holds beyond what money needs: the caller's number and, where kept, what was said. It goes after the
-- tenant's retention period, or when the tenant is erased; costs, times and ids stay, so every line stays explainable.
create table control.retention_periods (
    tenant_id text primary key references control.tenants,
    personal_days int not null check (personal_days > 0)
);
comment on table control.retention_periods is
'Days after its usage date that personal data of a tenant''s usage is kept; without a row it is kept until it is erased.';
create trigger audit after insert or update or delete on control.retention_periods
for each row execute function ledger.record_audit();
alter table control.retention_periods enable row level security;
alter table control.retention_periods force row level security;
create policy processes on control.retention_periods to minutebook_operator using (true) with check (true);
grant select, insert, update, delete on control.retention_periods to minutebook_operator;

create policy owner on raw_vapi.calls to current_user using (true) with check (true);
create policy owner on raw_voiceflow.usage to current_user using (true) with check (true);
create policy owner on raw_usage_metrics.metrics to current_user using (true) with check (true);

create function ledger.without_personal_data(payload json, kept text[]) returns json
language sql immutable set search_path = '' as $$
    select coalesce(pg_catalog.json_object_agg(part.key, part.value order by part.place), '{}')
    from pg_catalog.json_each(payload) with ordinality as part (key, value, place)
    where part.key = any(kept)
$$;
revoke execute on function ledger.without_personal_data(json, text[]) from public;

create function ledger.forget_personal_data(of_tenant text, before_date date) returns bigint
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
    if own_rows + metric_rows + chat_rows > 0 then
        insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
        values (
            coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'forget', 'raw_vapi.calls',
            of_tenant,
            pg_catalog.jsonb_build_object(
                'before', before_date, 'calls', own_rows, 'metrics', metric_rows, 'intents', chat_rows
            )
        );
    end if;
    return own_rows + metric_rows + chat_rows;
end
$$;
revoke execute on function ledger.forget_personal_data(text, date) from public;
grant execute on function ledger.forget_personal_data(text, date) to minutebook_operator;
