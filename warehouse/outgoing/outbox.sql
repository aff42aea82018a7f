-- name: tell
select ledger.tell(%(type)s, %(tenant_id)s, %(subject)s, %(data)s::jsonb, %(only_endpoint)s);

-- name: completed_calls
select ledger.tell_of_completed_calls(%(today)s) as told;

-- name: differences
select ledger.tell_of_differences() as told;

-- name: forget
select ledger.forget_outgoing(%(today)s) as told;
