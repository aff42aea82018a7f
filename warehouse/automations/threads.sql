-- name: work_for
-- LangGraph's saver names its tables without a schema.
select
    set_config('minutebook.tenant_id', %(tenant_id)s, false),
    set_config('search_path', 'automations', false);

-- name: version
select max(v) as version from automations.checkpoint_migrations;

-- name: lock
select automations.lock_thread(%(thread_id)s) as is_ours;

-- name: unlock
select automations.unlock_thread(%(thread_id)s);
