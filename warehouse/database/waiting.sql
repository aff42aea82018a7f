-- name: blockers
select ledger.waits_for(%(pid)s) as blockers;
