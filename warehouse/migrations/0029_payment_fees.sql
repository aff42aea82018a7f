-- What being paid costs us: a share of each statement and a fixed amount, by the currency it is paid in.
create table control.payment_fees (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    valid_from date not null,
    percent numeric not null check (percent >= 0 and percent < 100),
    fixed_amount numeric not null check (fixed_amount >= 0),
    primary key (currency, valid_from)
);
comment on table control.payment_fees is
'Timeline per currency. A statement above zero costs percent of its total and the fixed amount, in its own currency; 0 and 0'
' ends it. It is a cost we estimate, never a line of the tenant''s.';

create trigger audit after insert or update or delete on control.payment_fees
for each row execute function ledger.record_audit();
create trigger advance_revision after insert or update or delete on control.payment_fees
for each row execute function control.advance_revision();

grant select on control.payment_fees to
minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert, update, delete on control.payment_fees to minutebook_operator;
