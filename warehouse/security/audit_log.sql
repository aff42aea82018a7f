-- name: entries
select
    log.entry_id,
    log.happened_at,
    log.actor,
    log.login,
    log.client::text as client,
    log.application,
    log.action,
    log.object_table,
    log.tenant_id,
    log.before,
    log.after
from ledger.audit_log as log
where
    (%(tenant_id)s::text is null or log.tenant_id = %(tenant_id)s)
    and (%(since)s::date is null or log.happened_at >= %(since)s::date)
    and (%(action)s::text is null or log.action = %(action)s)
order by log.entry_id desc
limit %(limit)s;

-- name: seal_own
set constraints ledger.chain immediate;

-- name: head
select
    position,
    encode(entry_hash, 'hex') as entry_hash
from ledger.audit_chain
where %(position)s::bigint is null or position = %(position)s
order by position desc
limit 1;

-- name: faults
with chained as (
    select
        chain.position,
        chain.entry_id,
        log.entry_id is null as is_missing,
        chain.entry_hash is distinct from ledger.audit_hash(chain.previous_hash, log) as is_changed,
        chain.previous_hash <> lag(chain.entry_hash, 1, '') over (order by chain.position) as is_cut,
        chain.position <> row_number() over (order by chain.position) as is_out_of_order
    from ledger.audit_chain as chain
    left join ledger.audit_log as log on chain.entry_id = log.entry_id
)

select
    chained.entry_id,
    case
        when chained.is_missing then 'was removed'
        when chained.is_changed then 'was changed'
        else 'does not follow the entry before it'
    end as what
from chained
where chained.is_missing or chained.is_changed or chained.is_cut or chained.is_out_of_order
union all
select
    log.entry_id,
    'was put in past the chain' as what
from ledger.audit_log as log
where not exists (select from ledger.audit_chain as chain where chain.entry_id = log.entry_id)
order by entry_id;
