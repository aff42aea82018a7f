-- What of an approved period is missing, unattributed or unpriced is a question to the period that carries its corrections,
-- unless it was known when the tenant's last period was approved: an override is of what it saw, and of nothing later.
alter table ledger.periods add column approved_at timestamptz;
comment on column ledger.periods.approved_at is
'When it was approved; null while it is not, and for one approved before this was kept.';

create table ledger.known_gaps (
    tenant_id text,
    source text not null,
    account text not null,
    usage_date date not null,
    gap text not null,
    item text not null,
    agent_id text,
    quantity numeric,
    known_at timestamptz not null default now(),
    unique nulls not distinct (tenant_id, source, account, usage_date, gap, item, agent_id, quantity)
);
comment on table ledger.known_gaps is
'Days without a whole pull and usage not billed, as they stood at the approvals since known_at. Without a tenant: nobody''s.';
comment on column ledger.known_gaps.gap is 'The state of the day, or the reason why the usage is not billed.';

alter table ledger.known_gaps enable row level security;
alter table ledger.known_gaps force row level security;
create policy processes on ledger.known_gaps to minutebook_operator using (true) with check (true);
grant select, insert, delete on ledger.known_gaps to minutebook_operator;
