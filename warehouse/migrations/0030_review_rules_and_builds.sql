-- How much a statement may move against the last before a person has to look: one rule, for the command line and the pages.
create table control.review_rules (
    is_only_row boolean primary key default true check (is_only_row),
    moved_share numeric not null default 0.5 check (moved_share > 0)
);
insert into control.review_rules default values;
comment on column control.review_rules.moved_share is
'A statement whose recurring amount moved by more than this share of the former one blocks approval until a person says why.';

create trigger audit after insert or update or delete on control.review_rules
for each row execute function ledger.record_audit();

grant select on control.review_rules to
minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant update on control.review_rules to minutebook_operator;
-- What Stripe said of its prices is held against ours in review.
grant select on ledger.stripe_cache to minutebook_operator;

-- A build that fails leaves the marts as they were: whoever reads them is told how old they are, and why.
create table ledger.builds (
    build_id bigint generated always as identity primary key,
    as_of date not null,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    fault text,
    check (fault is null or ended_at is not null)
);
comment on table ledger.builds is 'One row per build of the marts; fault is the first thing that failed. Killed, it has no end.';
grant select on ledger.builds to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant insert, update on ledger.builds to minutebook_transformer;
