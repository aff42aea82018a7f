-- To approve one tenant's statement is no reason to build the marts anew before the next tenant's is approved: what a
-- period's state moves (its lines, and the adjustments of its tenant's later periods) is its own tenant's. So each period
-- knows the revision that its last change made, and the counter knows which was the last that was no period's.
alter table control.revision add column besides_periods bigint not null default 0;
update control.revision set besides_periods = revision;
alter table ledger.periods add column revision bigint;
comment on column ledger.periods.revision is
'What control.revision became by the last change of this row; null where that was before this was kept.';

create or replace function control.advance_revision() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update control.revision set revision = revision + 1, besides_periods = revision + 1;
    return null;
end
$$;

create function control.advance_revision_by_period() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    update control.revision set revision = revision + 1 returning revision into new.revision;
    return new;
end
$$;
revoke execute on function control.advance_revision_by_period() from public;

drop trigger advance_revision on ledger.periods;
create trigger advance_revision after delete on ledger.periods
for each row execute function control.advance_revision();
create trigger advance_revision_by_period before insert or update on ledger.periods
for each row execute function control.advance_revision_by_period();
