-- Who may do what. Control and ledger are for processes and operators only; a tenant reader and an analyst have no right on
-- them at all, and no login can do more than its work. What everybody may in any database (locks, large objects, temporary
-- tables) is closed by `install` each time, since a restored or copied database has forgotten it.

-- Row-level security is enabled and forced on every table with tenant_id, so that not even the owner reads past a policy.
do $$
declare
    secured record;
    table_name text;
begin
    for secured in
        values
        (
            'minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator',
            array[
                'control.tenants', 'control.tenant_statuses', 'control.agents', 'control.agent_attachments',
                'control.tenant_plans', 'control.prices', 'control.cost_coverage',
                'control.call_rubrics', 'control.call_outputs', 'control.search_languages', 'control.credits',
                'control.credit_voids',
                'control.data_keys', 'control.credentials', 'ledger.audit_log', 'ledger.pulls', 'ledger.quarantine',
                'ledger.acceptances', 'ledger.periods', 'ledger.statement_lines', 'ledger.line_days', 'ledger.line_pulls',
                'ledger.line_objects', 'ledger.arrivals'
            ]
        ),
        (
            'minutebook_transformer, minutebook_billing, minutebook_operator',
            array[
                'control.spend_limits', 'ledger.quota_alerts', 'ledger.stripe_accounts', 'ledger.stripe_keys', 'ledger.postings',
                'ledger.invoice_items', 'ledger.stripe_events', 'ledger.stripe_day_summaries', 'ledger.stripe_invoice_states',
                'ledger.stripe_item_states', 'ledger.stripe_charges', 'ledger.final_lines', 'ledger.stripe_acceptances'
            ]
        ),
        (
            'minutebook_loader, minutebook_transformer, minutebook_operator',
            array[
                'control.personal_choices', 'control.today_readings', 'ledger.new_fields', 'ledger.cleanings',
                'ledger.campaigns'
            ]
        ),
        ('minutebook_loader, minutebook_operator', array['ledger.personal_choices_applied']),
        (
            'minutebook_operator',
            array[
                'control.credential_candidates', 'control.logins', 'control.retention_periods', 'ledger.known_gaps',
                'ledger.packs', 'control.brands', 'ledger.issued_statements'
            ]
        )
    loop
        foreach table_name in array secured.column2 loop
            execute format('alter table %s enable row level security', table_name);
            execute format('alter table %s force row level security', table_name);
            execute format(
                'create policy processes on %s to %s using (true) with check (true)', table_name, secured.column1
            );
        end loop;
    end loop;
    -- Foreign keys are checked as the owner, and as the owner act functions with its rights: where it is no superuser, forced
    -- row-level security would stop it.
    foreach table_name in array array[
        'control.credit_voids', 'control.database_logins', 'control.logins', 'control.personal_choices', 'ledger.pulls',
        'ledger.new_fields', 'ledger.quarantine', 'ledger.acceptances', 'ledger.arrivals', 'ledger.statement_lines', 'ledger.line_days',
        'ledger.line_pulls', 'ledger.line_objects', 'ledger.stripe_accounts', 'ledger.stripe_keys',
        'ledger.stripe_invoice_states', 'ledger.stripe_item_states', 'ledger.stripe_charges',
        'ledger.personal_choices_applied', 'ledger.cleanings'
    ] loop
        execute format('create policy owner on %s to current_user using (true) with check (true)', table_name);
    end loop;
end
$$;
-- The owner looks up which secret was used, and writes and seals the audit log by its triggers.
create policy owner on control.credentials for select to current_user using (true);
create policy owner on control.credential_candidates for select to current_user using (true);
create policy owner on ledger.audit_log for select to current_user using (true);
create policy audit_trigger on ledger.audit_log for insert to current_user with check (true);
-- Logins of PostgreSQL are granted and revoked by the owner alone.
alter table control.database_logins enable row level security;
alter table control.database_logins force row level security;
create policy processes on control.database_logins for select to minutebook_operator using (true);
create policy server on control.logins to minutebook_server using (true) with check (true);
create policy server on control.tenants for select to minutebook_server using (true);
create policy server on control.brands for select to minutebook_server using (true);
create policy server on control.data_keys to minutebook_server using (tenant_id is null) with check (tenant_id is null);

-- What processes read. dbt never reads a secret, and who changed what, and from which price to which, is nothing that loading,
-- building or posting needs.
grant select on control.tenants, control.tenant_statuses, control.agents, control.agent_attachments,
control.meters, control.plans, control.plan_terms, control.tenant_plans,
control.allowances, control.prices, control.unit_costs, control.cost_coverage, control.call_rubrics,
control.call_outputs, control.search_languages, control.provider_unit_costs,
control.fixed_costs, control.payment_fees, control.exchange_rates, control.credits, control.credit_voids,
control.review_rules, control.revision,
control.sources, control.scope_kinds, control.scopes, control.tenant_sources, ledger.attempts, ledger.pulls,
ledger.quarantine, ledger.acceptances, ledger.arrivals, ledger.standing_quarantine,
ledger.corrected_calls, ledger.disagreeing_totals, ledger.doubted_days, ledger.builds, ledger.periods,
ledger.statement_lines, ledger.line_days, ledger.line_pulls,
ledger.line_objects
to minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator;
grant select on control.spend_limits, ledger.quota_alerts, ledger.stripe_accounts, ledger.postings,
ledger.invoice_items, ledger.stripe_events, ledger.stripe_day_summaries, ledger.stripe_invoice_states,
ledger.stripe_item_states, ledger.stripe_invoices, ledger.stripe_charges, ledger.coverage, ledger.final_lines,
ledger.stripe_acceptances
to minutebook_transformer, minutebook_billing, minutebook_operator;
grant select on control.personal_choices, control.today_readings, ledger.new_fields, ledger.cleanings, ledger.campaigns
to minutebook_loader, minutebook_transformer, minutebook_operator;
grant select on control.data_keys, control.credentials, ledger.personal_choices_applied, ledger.changed_arrivals
to minutebook_loader, minutebook_operator;
grant select (credential_id, tenant_id, provider, settings, used_from, created_at, verified_at, retired_at)
on control.credentials to minutebook_transformer;
grant select on ledger.unread_pulls to minutebook_transformer, minutebook_operator;
-- Whether a database is of the release that is to serve it.
grant usage on schema minutebook to minutebook_operator;
grant select on minutebook.migrations to minutebook_operator;
-- What Stripe said of its prices is held against ours in review.
grant select on ledger.stripe_cache to minutebook_billing, minutebook_operator;

-- Loading.
grant insert, update on ledger.attempts, ledger.pulls, ledger.personal_choices_applied, ledger.campaigns
to minutebook_loader;
grant select, insert, update on ledger.request_paces to minutebook_loader;
grant insert on ledger.new_fields, ledger.quarantine, ledger.acceptances, ledger.cleanings to minutebook_loader;
grant update (payload) on ledger.quarantine to minutebook_loader;
grant update (verified_at) on control.credentials to minutebook_loader;

-- Building.
grant insert, update on ledger.builds to minutebook_transformer;

-- Posting.
grant insert on ledger.stripe_accounts, ledger.postings, ledger.invoice_items, ledger.stripe_events
to minutebook_billing;
grant select, insert on ledger.stripe_keys to minutebook_billing;
grant insert, update on ledger.stripe_invoice_states, ledger.stripe_item_states, ledger.stripe_charges,
ledger.stripe_acceptances
to minutebook_billing;
grant insert, update, delete on ledger.stripe_day_summaries, ledger.stripe_cache, ledger.final_lines
to minutebook_billing;
grant update (state, cause_code, cause, posted_at, resolved_at) on ledger.postings to minutebook_billing;
grant update (state, stripe_id, cause_code, cause, posted_at, attempt) on ledger.invoice_items to minutebook_billing;
grant update (state, processed_at, cause, tenant_id, stripe_customer_id, object_id, facts)
on ledger.stripe_events to minutebook_billing;

-- Operating.
grant insert, update, delete on control.tenants, control.tenant_statuses, control.agents, control.agent_attachments,
control.meters, control.plans, control.plan_terms, control.tenant_plans,
control.allowances, control.prices, control.unit_costs, control.cost_coverage, control.call_rubrics,
control.call_outputs, control.search_languages, control.provider_unit_costs,
control.fixed_costs, control.payment_fees, control.exchange_rates, control.spend_limits, control.data_keys,
control.credentials, control.personal_choices, control.today_readings
to minutebook_operator;
grant select, insert, update, delete on control.credential_candidates, control.retention_periods to minutebook_operator;
grant insert on control.credits, control.credit_voids, ledger.acceptances, ledger.quota_alerts to minutebook_operator;
grant update on control.review_rules to minutebook_operator;
grant select, insert, update (step, started_at, ended_at, fault) on control.tasks to minutebook_operator;
grant insert, update on ledger.periods to minutebook_operator;
grant insert, delete on ledger.statement_lines, ledger.line_days, ledger.line_pulls, ledger.line_objects
to minutebook_operator;
grant select, insert, delete on ledger.known_gaps to minutebook_operator;
grant select, insert on ledger.packs, ledger.issued_statements to minutebook_operator;
grant select, insert, update on control.brands to minutebook_operator;
grant update (acknowledged_at, acknowledged_by) on ledger.new_fields to minutebook_operator;
grant select on ledger.audit_log, ledger.audit_chain, control.database_logins, control.logins, control.second_factors
to minutebook_operator;
grant update (ciphertext, data_key_id) on control.second_factors to minutebook_operator;  -- when keys are rotated
-- A ciphertext is bound to the id of its row, so the id must be known before the row is written.
grant usage on sequence control.credentials_credential_id_seq, control.data_keys_data_key_id_seq to minutebook_operator;

-- Signing in is the pages' alone: an operator can neither read a hash nor write itself a session.
grant select, insert, update on control.logins, control.login_passwords to minutebook_server;
grant select, insert, delete on control.sessions to minutebook_server;
grant select, insert, update, delete on control.devices, control.second_factors, control.login_links
to minutebook_server;
grant select, insert, delete on control.recovery_codes to minutebook_server;
grant select, insert, update, delete on control.wrong_tries to minutebook_server;
grant select, insert on control.data_keys to minutebook_server;
grant usage on sequence control.data_keys_data_key_id_seq to minutebook_server;
grant select (tenant_id, name) on control.tenants to minutebook_server;
grant select (tenant_id, name, accent, logo, logo_kind, host, mail_from) on control.brands to minutebook_server;

-- Functions that run with their owner's rights, and what these alone call, are nobody's to call but whom they are for.
revoke execute on function
control.advance_revision(), control.advance_revision_by_period(), control.reading_tenant(),
control.shut_out_tenant(text), ledger.record_audit(), ledger.chain_audit(),
ledger.audit_hash(bytea, ledger.audit_log), ledger.record_credential_use(bigint),
ledger.discard_landed(regclass, bigint[]), ledger.blockers(regclass), ledger.end_blockers(regclass, interval),
ledger.who_is(int), ledger.waits_for(int), ledger.end_old_readers(interval),
ledger.without_personal_data(json, text[]), ledger.raw_table_of(text), ledger.landed(bigint[]),
ledger.minimise_payloads(text, tid[], json[]), ledger.forget_results(text, text[], date[], text[]),
ledger.forget_results_of_rows(text, text, tid[]),
ledger.forget_personal_data(text, date), ledger.money_of_items(json),
ledger.is_payload_without_more(json, json, text[]), ledger.clean_payloads(text, tid[], json[]),
ledger.purge_raw(timestamptz, int), ledger.record_recording_use(text, text, text),
ledger.stored_call(text, text, date, text)
from public;
grant execute on function control.reading_tenant() to minutebook_tenant;
grant execute on function ledger.record_credential_use(bigint) to minutebook_loader, minutebook_operator;
grant execute on function
ledger.discard_landed(regclass, bigint[]), ledger.minimise_payloads(text, tid[], json[]),
ledger.clean_payloads(text, tid[], json[])
to minutebook_loader;
grant execute on function ledger.landed(bigint[]) to minutebook_loader, minutebook_transformer;
grant execute on function ledger.blockers(regclass), ledger.end_blockers(regclass, interval) to minutebook_transformer;
grant execute on function ledger.end_old_readers(interval) to minutebook_server;
grant execute on function ledger.waits_for(int) to
minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator, minutebook_server;
grant execute on function
control.shut_out_tenant(text), ledger.audit_hash(bytea, ledger.audit_log), ledger.forget_personal_data(text, date),
ledger.purge_raw(timestamptz, int), ledger.record_recording_use(text, text, text),
ledger.stored_call(text, text, date, text)
to minutebook_operator;
grant usage on schema contracts to minutebook_transformer;
