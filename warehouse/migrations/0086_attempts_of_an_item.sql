-- What Stripe refused is asked for again as the very row, under a new key: a version of it for each time added up to thousands.
alter table ledger.invoice_items add column attempt int not null default 1 check (attempt > 0);
comment on column ledger.invoice_items.attempt is
'How often it was asked for: once, and once more after each refusal. Told to Stripe in the Idempotency-Key alone.';
grant update (attempt) on ledger.invoice_items to minutebook_billing;
