-- Schemas are the rooms of the house; roles are who may enter which. Roles belong to the cluster: they may exist already.
do $$
declare
    role_name text;
begin
    foreach role_name in array array[
        'minutebook_loader',       -- lands raw rows and writes the pulls ledger
        'minutebook_transformer',  -- builds staging, intermediate and marts
        'minutebook_billing',      -- posts to Stripe and writes the postings ledger
        'minutebook_operator',     -- onboards, prices, reviews and closes
        'minutebook_analyst',      -- reads the marts of all tenants
        'minutebook_tenant',       -- reads its own rows of the marts
        'minutebook_server',       -- serves the pages: signs people in, and names whose rows a request reads
        'minutebook_searcher',     -- owns the functions that find words in calls, and is nobody's to become
        'minutebook_intake',       -- keeps what is pushed, under the tenant of the key that pushed it
        'minutebook_automations'   -- keeps the states of workflows of the tenant that it works for
    ] loop
        begin
            execute format('create role %I nologin', role_name);
        exception when duplicate_object or unique_violation then null;
        end;
        -- Since Postgres 16 the creator of a role needs to grant itself the right to act as it.
        execute format('grant %I to current_user', role_name);
    end loop;
end
$$;

create schema control;
create schema ledger;
create schema contracts;
create schema staging authorization minutebook_transformer;
create schema intermediate authorization minutebook_transformer;
create schema marts authorization minutebook_transformer;

comment on schema control is 'What we intend: tenants, agents, credentials, plans, prices, costs.';
comment on schema ledger is 'What we did: attempts, pulls, periods, statement lines, audit log.';
comment on schema contracts is 'One view per contract: the rows of all sources that keep rows in its columns. Install makes them.';
comment on schema marts is 'What people read.';

grant usage on schema control, ledger to
minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant usage on schema control, ledger to minutebook_server;
grant usage on schema marts to
minutebook_loader, minutebook_billing, minutebook_operator, minutebook_analyst, minutebook_tenant;
