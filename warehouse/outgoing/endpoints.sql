-- name: create
insert into control.endpoints (
    endpoint_id, tenant_id, host, event_types, form, has_content, data_key_id, ciphertext, created_at, created_by
)
values (
    %(endpoint_id)s, %(tenant_id)s, %(host)s, %(event_types)s, %(form)s, %(has_content)s, %(data_key_id)s,
    %(ciphertext)s, %(created_at)s, current_setting('minutebook.actor')
)
returning endpoint_id, tenant_id, host, event_types, form, has_content, created_at, created_by;

-- name: create_state
insert into ledger.endpoint_states (endpoint_id, tenant_id) values (%(endpoint_id)s, %(tenant_id)s);

-- name: listed
select
    e.endpoint_id,
    e.tenant_id,
    e.host,
    e.event_types,
    e.form,
    e.has_content,
    case
        when e.revoked_at is not null then 'revoked'
        when s.gone_at is not null then 'gone'
        when s.failing_since is not null then 'failing'
        else 'live'
    end as state,
    coalesce(d.waiting, 0) as waiting,
    coalesce(d.delivered, 0) as delivered,
    coalesce(d.dead, 0) as dead,
    s.failing_since,
    s.gone_at,
    e.created_at,
    e.created_by,
    e.revoked_at
from control.endpoints as e
inner join ledger.endpoint_states as s on e.endpoint_id = s.endpoint_id
left join lateral (
    select
        count(*) filter (where d.state = 'waiting') as waiting,
        count(*) filter (where d.state = 'delivered') as delivered,
        count(*) filter (where d.state = 'dead') as dead
    from ledger.deliveries as d
    where d.endpoint_id = e.endpoint_id
) as d on true
where
    (%(tenant_id)s::text is null or e.tenant_id = %(tenant_id)s)
    and (%(endpoint_id)s::text is null or e.endpoint_id = %(endpoint_id)s)
order by e.revoked_at is not null, e.tenant_id nulls first, e.created_at, e.endpoint_id;

-- name: revoke
update control.endpoints set revoked_at = %(now)s
where endpoint_id = %(endpoint_id)s and revoked_at is null;

-- name: drop_waiting
update ledger.deliveries set state = 'dead', fault = %(fault)s
where endpoint_id = %(endpoint_id)s and state = 'waiting';

-- name: sealed
select
    e.endpoint_id,
    e.tenant_id,
    e.form,
    e.has_content,
    e.ciphertext,
    e.data_key_id,
    k.master_key_id,
    k.wrapped_key
from control.endpoints as e
inner join control.data_keys as k on e.data_key_id = k.data_key_id
where e.endpoint_id = any(%(endpoint_ids)s) and e.revoked_at is null;

-- name: reseal
update control.endpoints set ciphertext = %(ciphertext)s
where endpoint_id = %(endpoint_id)s and revoked_at is null;
