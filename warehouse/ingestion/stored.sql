-- name: stored
select
    p.pull_id,
    p.content_hash,
    p.results_hash,
    p.is_incomplete,
    p.windows,
    coalesce((
        select jsonb_object_agg(t.name, t.value) from jsonb_each_text(p.totals) as t (name, value)
    ), '{}') as totals,
    (
        select jsonb_object_agg(t.name, t.value) from jsonb_each_text(p.provider_totals) as t (name, value)
    ) as provider_totals,
    exists(select from ledger.quarantine as q where q.pull_id = p.pull_id) as sets_rows_aside
from ledger.pulls as p
where
    p.source = %(source)s and p.account = %(account)s and p.usage_date = %(usage_date)s
    and p.state = 'published' and not p.is_in_progress;
