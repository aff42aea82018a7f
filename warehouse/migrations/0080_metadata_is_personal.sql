-- The platform may write anything into a metric's metadata: a tenant's choice reaches it as it reaches a call.
create function ledger.facts_of_a_metric() returns text[]
language sql immutable set search_path = '' as $$
    select array['agent_id', 'metric_type', 'quantity', 'cost_usd', 'created_at']
$$;
comment on function ledger.facts_of_a_metric() is
'Whose, of what, how much, at what cost and when: no choice touches it.';
revoke execute on function ledger.facts_of_a_metric() from public;

create function ledger.minimise_metrics(of_pulls bigint[], standing text[], minimised json[]) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    facts constant text[] := ledger.facts_of_a_metric();
    changed bigint;
begin
    if exists (
        select from unnest(standing, minimised) as wanted (standing, payload)
        where
            ledger.without_personal_data(wanted.payload, facts)::text
            <> ledger.without_personal_data(wanted.standing::json, facts)::text
    ) then
        raise exception 'a fact of a metric would change: only what is personal may be taken out';
    end if;
    update raw_usage_metrics.metrics as m set payload = wanted.payload
    from unnest(of_pulls, standing, minimised) as wanted (pull_id, standing, payload)
    where wanted.pull_id = m.pull_id and wanted.standing = m.payload::text;
    get diagnostics changed = row_count;
    return changed;
end
$$;
revoke execute on function ledger.minimise_metrics(bigint[], text[], json[]) from public;
grant execute on function ledger.minimise_metrics(bigint[], text[], json[]) to minutebook_loader;

-- Choices made before are due again, for the metrics that stand.
update ledger.personal_choices_applied set chosen_at = '-infinity';
