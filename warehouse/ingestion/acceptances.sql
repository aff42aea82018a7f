-- name: shown_total
-- What an earlier reading of the same rows was told already: it stands in review, and a person has seen it.
select t.evidence
from ledger.disagreeing_totals as t
where
    t.source = %(source)s
    and t.account = %(account)s
    and t.usage_date = %(usage_date)s
    and t.name = %(subject)s
    and t.is_repeated;

-- name: is_shown
-- Whether an earlier pull of the day failed for just this.
select exists (
    select from ledger.pulls
    where
        source = %(source)s
        and account = %(account)s
        and usage_date = %(usage_date)s
        and state = 'failed'
        and cause_code = %(doubt)s
        and evidence = %(evidence)s
) as is_shown;

-- name: is_accepted
select exists (
    select from ledger.acceptances
    where
        source = %(source)s
        and account = %(account)s
        and usage_date = %(usage_date)s
        and doubt = %(doubt)s
        and subject = %(subject)s
        and evidence = %(evidence)s
) as is_accepted;

-- name: accept
insert into ledger.acceptances (source, account, tenant_id, usage_date, doubt, subject, evidence, reason)
values (
    %(source)s, %(account)s, %(tenant_id)s, %(usage_date)s, %(doubt)s, %(subject)s, %(evidence)s, %(reason)s
);
