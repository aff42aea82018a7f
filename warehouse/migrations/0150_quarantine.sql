-- A row that breaks its source's contract is set aside by itself: its day is published without it, and whoever it may concern
-- is not approved until it is repaired, assigned or accepted. What a call may be attached by is settled here too.
alter table control.agent_attachments drop constraint agent_attachments_kind_check;
alter table control.agent_attachments add constraint agent_attachments_kind_check check (
    kind in (
        'phone_number', 'vapi_call', 'vapi_phone_number', 'vapi_squad', 'vapi_workflow', 'vapi_assistant', 'usage_agent'
    )
);
comment on column control.agent_attachments.kind is
'A vapi_call is attached by hand, for the one day on which it was created.';

create function control.attachment_rank(kind text) returns int language sql immutable as $$
    select array_position(
        array['vapi_call', 'vapi_phone_number', 'vapi_squad', 'vapi_workflow', 'vapi_assistant', 'usage_agent'], kind
    )
$$;
comment on function control.attachment_rank(text) is
'Which kind decides whose a call is: the first of these that is attached on its day.';

create or replace view control.tenant_sources with (security_invoker = true) as
with attachment_versions as (
    select
        kind,
        value,
        tenant_id,
        agent_id,
        valid_from,
        case
            when kind = 'vapi_call' then valid_from + 1
            else lead(valid_from) over (partition by kind, value order by valid_from)
        end as valid_to
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
    v.tenant_id is not null
    and v.kind in ('vapi_call', 'vapi_phone_number', 'vapi_squad', 'vapi_workflow', 'vapi_assistant')
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

create table ledger.quarantine (
    quarantine_id bigint generated always as identity primary key,
    pull_id bigint not null references ledger.pulls,
    source text not null,
    account text not null,
    tenant_id text references control.tenants,
    usage_date date not null,
    item text not null,
    reason text not null,
    fingerprint text not null,
    scopes jsonb not null default '{}',
    payload json,
    set_aside_at timestamptz not null default clock_timestamp(),
    unique (pull_id, item)
);
comment on table ledger.quarantine is
'Rows of published pulls that break the contract of their source: in no raw table, and in no sum.';
comment on column ledger.quarantine.scopes is 'By which it may find its tenant: kind of attachment to value.';
comment on column ledger.quarantine.payload is
'As a row of nobody''s is stored, without what is personal; null once its pull is superseded, and for what is no JSON.';

create table ledger.acceptances (
    acceptance_id bigint generated always as identity primary key,
    source text not null,
    account text not null,
    tenant_id text references control.tenants,
    usage_date date not null,
    doubt text not null check (doubt in ('quarantined', 'rows_lost', 'totals_disagree', 'loss_unconfirmed')),
    subject text not null,
    evidence text not null,
    reason text not null check (reason <> ''),
    accepted_at timestamptz not null default clock_timestamp(),
    unique (source, account, usage_date, doubt, subject, evidence)
);
comment on table ledger.acceptances is
'What a person accepted of an account-day: of a row set aside, that it stays so; of a total, that it differs by just this.';

do $$
declare
    added text;
begin
    foreach added in array array['ledger.quarantine', 'ledger.acceptances']
    loop
        execute format('alter table %s enable row level security', added);
        execute format('alter table %s force row level security', added);
        execute format(
            'create policy processes on %s to minutebook_loader, minutebook_transformer, minutebook_billing,'
            ' minutebook_operator using (true) with check (true)', added
        );
        execute format('create policy owner on %s to current_user using (true) with check (true)', added);
        execute format(
            'grant select on %s to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator', added
        );
    end loop;
end
$$;
grant insert on ledger.quarantine, ledger.acceptances to minutebook_loader;
grant update (payload) on ledger.quarantine to minutebook_loader;
grant insert on ledger.acceptances to minutebook_operator;
create trigger audit after insert or update or delete on ledger.acceptances
for each row execute function ledger.record_audit();
create trigger advance_revision after insert or update or delete on ledger.acceptances
for each row execute function control.advance_revision();

create view ledger.standing_quarantine with (security_invoker = true) as
with known as (
    select
        quarantine_id,
        usage_date,
        'vapi_call' as kind,
        item as value
    from ledger.quarantine
    union all
    select
        q.quarantine_id,
        q.usage_date,
        s.key as kind,
        s.value
    from ledger.quarantine as q
    cross join lateral jsonb_each_text(q.scopes) as s
),

attached as (
    select
        known.quarantine_id,
        known.kind,
        v.tenant_id
    from known
    cross join
        lateral (
            select a.tenant_id
            from control.agent_attachments as a
            where
                a.kind = known.kind
                and a.value = known.value
                and a.valid_from <= known.usage_date
                and (a.kind <> 'vapi_call' or a.valid_from = known.usage_date)
            order by a.valid_from desc
            limit 1
        ) as v
    where v.tenant_id is not null
),

routed as (
    select distinct on (quarantine_id)
        quarantine_id,
        tenant_id
    from attached
    order by quarantine_id, control.attachment_rank(kind)
)

select
    q.quarantine_id,
    q.pull_id,
    q.source,
    q.account,
    q.usage_date,
    q.item,
    q.reason,
    q.fingerprint,
    q.scopes,
    q.set_aside_at,
    coalesce(q.tenant_id, routed.tenant_id) as tenant_id
from ledger.quarantine as q
inner join ledger.pulls as p on q.pull_id = p.pull_id and p.state = 'published'
left join routed on q.quarantine_id = routed.quarantine_id
where
    not exists (
        select from ledger.acceptances as a
        where
            a.source = q.source
            and a.account = q.account
            and a.usage_date = q.usage_date
            and a.doubt = 'quarantined'
            and a.subject = q.item
            and a.evidence = q.fingerprint
    );
comment on view ledger.standing_quarantine is
'Rows set aside of what is published now that nobody accepted; tenant_id is whom they route to, null for nobody.';
grant select on ledger.standing_quarantine
to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;

alter table ledger.pulls add column lacks_only_quarantined boolean not null default false;
comment on column ledger.pulls.lacks_only_quarantined is
'Whether it is incomplete for no other reason than that rows were set aside.';

create function ledger.is_whole(p ledger.pulls) returns boolean language sql stable as $$
    select
        not p.is_incomplete
        or (
            p.lacks_only_quarantined
            and not exists (
                select from ledger.standing_quarantine as q where q.pull_id = coalesce(p.confirms_pull_id, p.pull_id)
            )
        )
$$;
comment on function ledger.is_whole(ledger.pulls) is
'Whether nothing of a pull is still under way, and each row that was set aside is accepted.';
