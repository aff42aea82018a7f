-- A credit is never changed: what takes it back is a row of its own, and what was used of it until then stays.
create table control.credit_voids (
    credit_id bigint primary key references control.credits,
    tenant_id text not null references control.tenants,
    taken_back numeric not null check (taken_back > 0),
    reason text not null check (reason <> ''),
    voided_at timestamptz not null default now()
);
comment on table control.credit_voids is 'What was left of a credit when it was taken back; what statements had used by then they keep, reopened or not.';

alter table control.credit_voids enable row level security;
alter table control.credit_voids force row level security;
create policy processes on control.credit_voids
to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator using (true) with check (true);
create policy owner on control.credit_voids to current_user using (true) with check (true);
create trigger audit after insert or update or delete on control.credit_voids
for each row execute function ledger.record_audit();
create trigger advance_revision after insert or update or delete on control.credit_voids
for each statement execute function control.advance_revision();

grant select on control.credit_voids to
minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert on control.credit_voids to minutebook_operator;
revoke update, delete on control.credits from minutebook_operator;
