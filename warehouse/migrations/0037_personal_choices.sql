-- What a tenant wants stored of what is personal, kind by kind; applied when calls land, and to those that stand already.
create table control.personal_choices (
    tenant_id text primary key references control.tenants,
    phone_numbers text not null default 'kept' check (phone_numbers in ('kept', 'redacted', 'never')),
    transcripts text not null default 'never' check (transcripts in ('kept', 'redacted', 'never')),
    recordings text not null default 'never' check (recordings in ('kept', 'redacted', 'never')),
    chosen_at timestamptz not null default clock_timestamp()
);
comment on table control.personal_choices is
'A tenant without a row has the defaults. phone_numbers: who was on the line, by number, name or address.';
create trigger audit after insert or update or delete on control.personal_choices
for each row execute function ledger.record_audit();
alter table control.personal_choices enable row level security;
alter table control.personal_choices force row level security;
create policy processes on control.personal_choices
to minutebook_loader, minutebook_transformer, minutebook_operator using (true) with check (true);
create policy owner on control.personal_choices to current_user using (true) with check (true);
grant select on control.personal_choices to minutebook_loader, minutebook_transformer;
grant select, insert, update, delete on control.personal_choices to minutebook_operator;

insert into control.personal_choices (tenant_id, transcripts, recordings)
select
    tenant_id,
    'kept' as transcripts,
    'kept' as recordings
from control.tenants
where keeps_conversation;
comment on column control.tenants.keeps_conversation is
'Read by nobody since migration 0037: see control.personal_choices. Staging views of older builds still name it.';

create table ledger.personal_choices_applied (
    tenant_id text primary key references control.tenants,
    chosen_at timestamptz not null,
    applied_at timestamptz not null default clock_timestamp(),
    rows_changed bigint not null
);
comment on table ledger.personal_choices_applied is
'Which choice of a tenant has been applied to its calls that stood when it was made. Behind control.personal_choices: due.';
create trigger audit after insert or update or delete on ledger.personal_choices_applied
for each row execute function ledger.record_audit();
alter table ledger.personal_choices_applied enable row level security;
alter table ledger.personal_choices_applied force row level security;
create policy processes on ledger.personal_choices_applied
to minutebook_loader, minutebook_operator using (true) with check (true);
create policy owner on ledger.personal_choices_applied to current_user using (true) with check (true);
grant select, insert, update on ledger.personal_choices_applied to minutebook_loader;
grant select on ledger.personal_choices_applied to minutebook_operator;

create function ledger.facts_of_a_call() returns text[]
language sql immutable set search_path = '' as $$
    select array[
        'id', 'orgId', 'type', 'status', 'endedReason', 'assistantId', 'phoneNumberId', 'createdAt', 'updatedAt',
        'startedAt', 'endedAt', 'cost', 'costs', 'costBreakdown'
    ]
$$;
comment on function ledger.facts_of_a_call() is
'What dbt, the content hash and Vapi''s support need of a call: no choice and no retention period touches it.';
revoke execute on function ledger.facts_of_a_call() from public;

-- Raw is append only: the one change that is allowed takes personal data out, and proves that every fact stayed as told.
create function ledger.minimise_calls(of_pulls bigint[], of_calls text[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    facts constant text[] := ledger.facts_of_a_call();
    changed bigint;
begin
    if exists (
        select from unnest(of_pulls, of_calls, minimised) as wanted (pull_id, call_id, payload)
        inner join raw_vapi.calls as c on wanted.pull_id = c.pull_id and wanted.call_id = c.call_id
        where
            ledger.without_personal_data(wanted.payload, facts)::text
            <> ledger.without_personal_data(c.payload, facts)::text
    ) then
        raise exception 'a fact of a call would change: only what is personal may be taken out';
    end if;
    update raw_vapi.calls as c set payload = wanted.payload
    from unnest(of_pulls, of_calls, minimised) as wanted (pull_id, call_id, payload)
    where wanted.pull_id = c.pull_id and wanted.call_id = c.call_id;
    get diagnostics changed = row_count;
    return changed;
end
$$;
revoke execute on function ledger.minimise_calls(bigint[], text[], json[]) from public;
grant execute on function ledger.minimise_calls(bigint[], text[], json[]) to minutebook_loader;
