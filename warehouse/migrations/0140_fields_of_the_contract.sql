-- Of a provider's answer only the fields of its contract are stored. What else came is reported by its path, never its value.
create table ledger.new_fields (
    source text not null,
    field text not null check (length(field) <= 1000),
    account text not null,
    usage_date date not null,
    pull_id bigint not null,
    seen_at timestamptz not null default clock_timestamp(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    primary key (source, field)
);
comment on table ledger.new_fields is
'Fields that a provider sent, that are not in its contract and were not stored, once each, where they were seen first.';
create trigger audit after update or delete on ledger.new_fields
for each row execute function ledger.record_audit();
alter table ledger.new_fields enable row level security;
alter table ledger.new_fields force row level security;
create policy processes on ledger.new_fields
to minutebook_loader, minutebook_transformer, minutebook_operator using (true) with check (true);
create policy owner on ledger.new_fields to current_user using (true) with check (true);
grant select, insert on ledger.new_fields to minutebook_loader;
grant select on ledger.new_fields to minutebook_transformer;
grant select, update (acknowledged_at, acknowledged_by) on ledger.new_fields to minutebook_operator;

-- Rows that landed before may hold more than the contract: a command takes it out, and writes down that it did.
create table ledger.cleanings (
    cleaning_id bigint generated always as identity primary key,
    cleaned_at timestamptz not null default clock_timestamp(),
    rows_changed bigint not null
);
comment on table ledger.cleanings is 'When all raw rows that stood were brought to the fields of their contract.';
alter table ledger.cleanings enable row level security;
alter table ledger.cleanings force row level security;
create policy processes on ledger.cleanings
to minutebook_loader, minutebook_transformer, minutebook_operator using (true) with check (true);
create policy owner on ledger.cleanings to current_user using (true) with check (true);
grant select, insert on ledger.cleanings to minutebook_loader;
grant select on ledger.cleanings to minutebook_transformer, minutebook_operator;
-- Where nothing landed yet, nothing has to be cleaned.
insert into ledger.cleanings (rows_changed)
select 0 as rows_changed
where
    not exists (
        select from ledger.pulls as p
        where p.row_count > 0
    );
create trigger audit after insert or update or delete on ledger.cleanings
for each row execute function ledger.record_audit();

create function ledger.money_of_items(items json) returns text
language sql immutable set search_path = '' as $$
    select pg_catalog.json_agg(pg_catalog.json_build_array(i.item -> 'type', i.item -> 'cost') order by i.place)::text
    from pg_catalog.json_array_elements(case when pg_catalog.json_typeof(items) = 'array' then items end)
    with ordinality as i (item, place)
$$;
comment on function ledger.money_of_items(json) is 'Kind and cost of each cost item, digit for digit, in order.';
revoke execute on function ledger.money_of_items(json) from public;
create function ledger.is_payload_without_more(standing json, cleaned json, facts text[]) returns boolean
language sql immutable set search_path = '' as $$
    select
        standing::jsonb @> cleaned::jsonb
        and ledger.money_of_items(standing -> 'costs') is not distinct from ledger.money_of_items(cleaned -> 'costs')
        and not exists (
            select from pg_catalog.json_each(standing) as was
            left join pg_catalog.json_each(cleaned) as is_now on was.key = is_now.key
            where
                was.key = any(facts)
                and (
                    is_now.value is null
                    or (
                        pg_catalog.json_typeof(was.value) not in ('object', 'array')
                        and was.value::text <> is_now.value::text
                    )
                )
        )
$$;
comment on function ledger.is_payload_without_more(json, json, text[]) is
'Whether the second payload is the first one less members of objects, each fact and each cost item digit for digit.';
revoke execute on function ledger.is_payload_without_more(json, json, text[]) from public;
-- Raw is append only: what is allowed here takes members out of objects and changes nothing, and no fact of money may go.
-- Rows are named by where they are: a payload that is cleaned must not get into a log of statements.
create function ledger.clean_payloads(of_source text, row_ids tid[], cleaned json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    raw_table constant text := case of_source
        when 'vapi' then 'raw_vapi.calls'
        when 'voiceflow' then 'raw_voiceflow.usage'
        when 'voiceflow_transcripts' then 'raw_voiceflow.transcripts'
        when 'usage_metrics' then 'raw_usage_metrics.metrics'
    end;
    facts constant text[] := case of_source
        when 'vapi' then ledger.facts_of_a_call()
        when 'voiceflow_transcripts' then ledger.facts_of_a_transcript()
        when 'usage_metrics' then ledger.facts_of_a_metric()
        else array['period', 'projectID', 'environmentID', 'type', 'count', 'model', 'cost', 'intervalStartDate']
    end;
    wrong bigint;
    changed bigint;
begin
    if raw_table is null then
        raise exception 'there is no source %', of_source;
    end if;
    execute pg_catalog.format(
        'select count(*) from unnest($1, $2) as wanted (row_id, cleaned)'
        ' inner join %s as r on r.ctid = wanted.row_id'
        ' where not ledger.is_payload_without_more(r.payload, wanted.cleaned, $3)', raw_table
    ) into wrong using row_ids, cleaned, facts;
    if wrong > 0 then
        raise exception 'a fact of % would change: only what is of no contract may be taken out', of_source;
    end if;
    execute pg_catalog.format(
        'update %s as r set payload = wanted.cleaned'
        ' from unnest($1, $2) as wanted (row_id, cleaned) where r.ctid = wanted.row_id', raw_table
    ) using row_ids, cleaned;
    get diagnostics changed = row_count;
    return changed;
end
$$;
revoke execute on function ledger.clean_payloads(text, tid[], json[]) from public;
grant execute on function ledger.clean_payloads(text, tid[], json[]) to minutebook_loader;
