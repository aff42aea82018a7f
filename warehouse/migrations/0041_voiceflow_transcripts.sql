-- Voiceflow's transcripts as rows: a source of its own, read where a tenant's credential says so. It bills nothing, so no
-- line is ever explained by it, and what nobody reads of it is purged whatever was frozen.
create table raw_voiceflow.transcripts (
    account text not null,
    tenant_id text,
    usage_date date not null,
    pull_id bigint not null,
    transcript_id text not null,
    project_id text not null,
    environment_id text,
    created_at timestamptz not null,
    updated_at timestamptz,
    ended_at timestamptz,
    message_count bigint,
    payload json not null,
    _dlt_load_id text
);
comment on column raw_voiceflow.transcripts.payload is
'As Voiceflow told it, without what its tenant does not keep; message_count is null where what was said was not asked for.';
create index transcripts_by_pull on raw_voiceflow.transcripts (pull_id);
create index transcripts_by_tenant on raw_voiceflow.transcripts (tenant_id, usage_date);
alter table raw_voiceflow.transcripts enable row level security;
alter table raw_voiceflow.transcripts force row level security;
create policy processes on raw_voiceflow.transcripts
to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator using (true) with check (true);
create policy owner on raw_voiceflow.transcripts to current_user using (true) with check (true);
grant select, insert, delete on raw_voiceflow.transcripts to minutebook_loader;
grant select on raw_voiceflow.transcripts to minutebook_transformer;

create view raw_voiceflow.transcripts_landing with (security_invoker = true) as select * from raw_voiceflow.transcripts;
create function raw_voiceflow.land_transcript() returns trigger language plpgsql as $$
begin
    insert into raw_voiceflow.transcripts values (new.*);
    return new;
end
$$;
create trigger land instead of insert on raw_voiceflow.transcripts_landing
for each row execute function raw_voiceflow.land_transcript();
grant insert on raw_voiceflow.transcripts_landing to minutebook_loader;

alter table ledger.pulls drop constraint pulls_source_check;
alter table ledger.pulls add constraint pulls_source_check
check (source in ('vapi', 'voiceflow', 'voiceflow_transcripts', 'usage_metrics'));

create or replace view control.tenant_sources with (security_invoker = true) as
with attachment_versions as (
    select
        kind,
        value,
        tenant_id,
        agent_id,
        valid_from,
        lead(valid_from) over (partition by kind, value order by valid_from) as valid_to
    from control.agent_attachments
),

own_vapi as (
    select
        tenant_id,
        min(used_from) as used_from
    from control.credentials
    where provider = 'vapi' and tenant_id is not null and retired_at is null
    group by tenant_id
)

select
    tenant_id,
    'vapi' as source,
    tenant_id as account,
    used_from as valid_from,
    null::date as valid_to
from own_vapi
union all
select
    v.tenant_id,
    'vapi' as source,
    'platform' as account,
    v.valid_from,
    least(v.valid_to, o.used_from) as valid_to
from attachment_versions as v
left join own_vapi as o on v.tenant_id = o.tenant_id
where
    v.tenant_id is not null and v.kind in ('vapi_phone_number', 'vapi_assistant')
    and v.valid_from < coalesce(o.used_from, 'infinity')
union all
select
    tenant_id,
    'voiceflow' as source,
    tenant_id as account,
    valid_from,
    valid_to
from control.voiceflow_projects
union all
select
    p.tenant_id,
    'voiceflow_transcripts' as source,
    p.tenant_id as account,
    greatest(p.valid_from, c.used_from) as valid_from,
    p.valid_to
from control.voiceflow_projects as p
inner join control.credentials as c
    on p.tenant_id = c.tenant_id and c.provider = 'voiceflow' and c.retired_at is null
where c.settings ->> 'transcripts' = 'yes' and c.used_from < coalesce(p.valid_to, 'infinity')
union all
select
    tenant_id,
    'usage_metrics' as source,
    tenant_id as account,
    valid_from,
    valid_to
from attachment_versions
where tenant_id is not null and kind = 'usage_agent';

create or replace view ledger.unread_pulls with (security_invoker = true) as
select
    p.pull_id,
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    p.state,
    p.closed_at,
    p.state = 'superseded' and p.source <> 'voiceflow_transcripts' and ledger.explains_a_frozen_line(p) as is_needed
from ledger.pulls as p
where p.state in ('superseded', 'failed', 'unchanged') and p.purged_at is null;

create or replace function ledger.purge_raw(closed_before timestamptz, at_most int)
returns table (source text, pulls bigint, raw_rows bigint)
language plpgsql security definer set search_path = '' as $$
declare
    raw_table record;
    chosen bigint[];
    gone bigint;
begin
    if closed_before > pg_catalog.clock_timestamp() - interval '1 day' then
        raise exception 'rows of a pull are kept for a day at least' using errcode = 'invalid_parameter_value';
    end if;
    for raw_table in
        values
        ('vapi', 'raw_vapi.calls'),
        ('voiceflow', 'raw_voiceflow.usage'),
        ('voiceflow_transcripts', 'raw_voiceflow.transcripts'),
        ('usage_metrics', 'raw_usage_metrics.metrics')
    loop
        select array(
            select p.pull_id from ledger.pulls as p
            where
                p.source = raw_table.column1
                and p.state in ('superseded', 'failed', 'unchanged')
                and p.purged_at is null
                and p.closed_at < closed_before
                and not (
                    p.state = 'superseded'
                    and p.source <> 'voiceflow_transcripts'
                    and ledger.explains_a_frozen_line(p)
                )
            order by p.closed_at
            limit 500
            for update skip locked
        ) into chosen;
        execute pg_catalog.format(
            'delete from %s where ctid = any(array(select ctid from %1$s where pull_id = any($1) limit $2))', raw_table.column2
        ) using chosen, at_most;
        get diagnostics gone = row_count;
        if gone < at_most then
            update ledger.pulls as p set purged_at = pg_catalog.clock_timestamp() where p.pull_id = any(chosen);
            pulls := pg_catalog.cardinality(chosen);
        else
            pulls := 0;
        end if;
        source := raw_table.column1;
        raw_rows := gone;
        return next;
    end loop;
end
$$;
