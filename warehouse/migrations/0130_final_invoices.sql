-- Every line of Stripe's final invoices against the statement it is of, as last read; and what a person accepted as it is.

create table ledger.final_lines (
    tenant_id text not null references control.tenants,
    period_start date not null,
    line text not null,
    ours numeric not null,
    stripe numeric not null,
    accepted numeric not null,
    currency text not null,
    invoices text[] not null,
    waits text,
    code text,
    what text,
    what_to_do text,
    read_at timestamptz not null,
    primary key (tenant_id, period_start, line),
    check ((code is null) = (what is null) and (code is null) = (what_to_do is null))
);
comment on table ledger.final_lines is
'One row per line of a statement, and per thing at Stripe that no statement has: ours, Stripe''s, what of the difference was'
' accepted; waits: what is still to come; code: the finding, in words and with the command that resolves it.';

create table ledger.stripe_acceptances (
    subject text primary key check (subject <> ''),
    tenant_id text not null references control.tenants,
    amount numeric not null,
    reason text not null check (trim(reason) <> ''),
    accepted_by text not null,
    accepted_at timestamptz not null
);
comment on table ledger.stripe_acceptances is
'What a person looked at and left as it is: a line of a statement or an object of Stripe''s, and by how much it differs.';
create trigger audit after insert or update or delete on ledger.stripe_acceptances
for each row execute function ledger.record_audit();

do $$
declare
    table_name text;
begin
    foreach table_name in array array['final_lines', 'stripe_acceptances'] loop
        execute format('alter table ledger.%I enable row level security', table_name);
        execute format('alter table ledger.%I force row level security', table_name);
        execute format(
            'create policy processes on ledger.%I to minutebook_transformer, minutebook_billing, minutebook_operator '
            'using (true) with check (true)', table_name
        );
    end loop;
end
$$;
grant select on ledger.final_lines, ledger.stripe_acceptances
to minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert, update, delete on ledger.final_lines to minutebook_billing;
grant insert, update on ledger.stripe_acceptances to minutebook_billing;

-- An item that was accepted can be gone: its invoice voided, or it was deleted. It counts no more, and its line owes again.
alter table ledger.invoice_items drop constraint invoice_items_state_check;
alter table ledger.invoice_items add constraint invoice_items_state_check
check (state in ('pending', 'accepted', 'refused', 'lost'));
alter table ledger.invoice_items drop constraint invoice_items_check;
alter table ledger.invoice_items add constraint invoice_items_known_at_stripe
check ((state in ('accepted', 'lost')) = (stripe_id is not null));

create or replace function ledger.guard_invoice_item() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception '%.% keeps every row', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
    end if;
    if (new.invoice_item_id, new.item_key, new.version, new.tenant_id, new.line_id, new.amount, new.currency,
        new.identifier)
        is distinct from
        (old.invoice_item_id, old.item_key, old.version, old.tenant_id, old.line_id, old.amount, old.currency,
        old.identifier)
        or old.state = 'lost'
        or (old.state = 'accepted' and (new.state <> 'lost' or new.stripe_id is distinct from old.stripe_id)) then
        raise exception 'an invoice item never changes what it says' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
