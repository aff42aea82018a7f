-- What a frozen line was made of, frozen with it: its days, the pulls they were read by, and each call or row of the provider.
-- So it is explained for ever as it was approved, whatever is pulled again, purged or restated afterwards.
create table ledger.line_days (
    line_id text not null references ledger.statement_lines,
    tenant_id text not null,
    usage_date date not null,
    quantity bigint not null,
    cumulative_quantity bigint not null,
    allowance bigint not null,
    overage_quantity bigint not null,
    amount numeric not null,
    primary key (line_id, usage_date)
);
comment on table ledger.line_days is
'Of an overage line: what each day added to it. Of an adjustment: the days of the line it corrects, as they were then.';

create table ledger.line_pulls (
    line_id text not null references ledger.statement_lines,
    tenant_id text not null,
    pull_id bigint not null,
    source text not null,
    account text not null,
    usage_date date not null,
    pulled_at timestamptz not null,
    quantity bigint not null,
    row_count bigint not null,
    is_new boolean not null,
    primary key (line_id, pull_id)
);
comment on table ledger.line_pulls is
'The pulls of the days a line is about, those without its usage too. is_new: an adjustment was not known before this pull.';

create table ledger.line_objects (
    line_id text not null references ledger.statement_lines,
    tenant_id text not null,
    usage_date date not null,
    pull_id bigint not null,
    agent_id text,
    object_id text not null,
    told_at timestamptz,
    quantity bigint not null,
    provider_cost numeric,
    provider_currency text,
    cost_basis text not null
);
create index line_objects_of_line on ledger.line_objects (line_id, usage_date);
comment on table ledger.line_objects is
'Each call or row of the provider, by the provider''s own id or key, with its billed units and what the provider says it cost.';

do $$
declare
    table_name text;
begin
    foreach table_name in array array['line_days', 'line_pulls', 'line_objects']
    loop
        execute format('alter table ledger.%I enable row level security', table_name);
        execute format('alter table ledger.%I force row level security', table_name);
        execute format(
            'create policy processes on ledger.%I to minutebook_loader, minutebook_transformer, minutebook_billing,'
            ' minutebook_operator using (true) with check (true)', table_name
        );
        -- Foreign keys are checked as the owner, whom forced row-level security would stop where it is no superuser.
        execute format('create policy owner on ledger.%I to current_user using (true) with check (true)', table_name);
        execute format(
            'grant select on ledger.%I to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator',
            table_name
        );
        execute format('grant insert, delete on ledger.%I to minutebook_operator', table_name);
    end loop;
end
$$;
