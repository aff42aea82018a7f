-- The database as warehouse/migrations make it, but for the raw schemas: to read, not to run. `make schema` writes it.

CREATE SCHEMA automations;
COMMENT ON SCHEMA automations IS 'States of workflows, as LangGraph keeps them. Whose a thread is, is the first part of its id.';

CREATE SCHEMA contracts;
COMMENT ON SCHEMA contracts IS 'One view per contract: the rows of all sources that keep rows in its columns. Install makes them.';

CREATE SCHEMA control;
COMMENT ON SCHEMA control IS 'What we intend: tenants, agents, credentials, plans, prices, costs.';

CREATE SCHEMA dagster;

CREATE SCHEMA intake;
COMMENT ON SCHEMA intake IS 'What was pushed to us, before it is read as a source.';

CREATE SCHEMA intermediate;

CREATE SCHEMA ledger;
COMMENT ON SCHEMA ledger IS 'What we did: attempts, pulls, periods, statement lines, audit log.';

CREATE SCHEMA marts;
COMMENT ON SCHEMA marts IS 'What people read.';

CREATE SCHEMA minutebook;

CREATE SCHEMA staging;

CREATE FUNCTION automations.lock_thread(of_thread text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select pg_catalog.pg_try_advisory_lock(7745, pg_catalog.hashtext(of_thread))
$$;

CREATE FUNCTION automations.unlock_thread(of_thread text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select pg_catalog.pg_advisory_unlock(7745, pg_catalog.hashtext(of_thread))
$$;

CREATE FUNCTION control.active_spans() RETURNS TABLE(tenant_id text, valid_from date, valid_to date)
    LANGUAGE sql STABLE
    AS $$
    select v.tenant_id, v.valid_from, v.valid_to
    from (
        select
            s.tenant_id,
            s.status,
            s.valid_from,
            lead(s.valid_from) over (partition by s.tenant_id order by s.valid_from) as valid_to
        from control.tenant_statuses as s
    ) as v
    where v.status = 'active'
$$;
COMMENT ON FUNCTION control.active_spans() IS 'Half-open [valid_from, valid_to); valid_to is null where it goes on.';

CREATE FUNCTION control.advance_revision() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    update control.revision set revision = revision + 1, besides_periods = revision + 1;
    return null;
end
$$;

CREATE FUNCTION control.advance_revision_by_period() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    update control.revision set revision = revision + 1 returning revision into new.revision;
    return new;
end
$$;

CREATE FUNCTION control.expected_days(first_day date, last_day date) RETURNS TABLE(tenant_id text, source text, account text, usage_date date)
    LANGUAGE sql STABLE
    AS $$
    select distinct
        t.tenant_id,
        t.source,
        t.account,
        d.day::date as usage_date
    from control.tenant_sources as t
    inner join control.active_spans() as s on t.tenant_id = s.tenant_id
    cross join
        lateral generate_series(
            greatest(t.valid_from, s.valid_from, first_day)::timestamp,
            least(t.valid_to - 1, s.valid_to - 1, last_day)::timestamp,
            interval '1 day'
        ) as d (day)
$$;
COMMENT ON FUNCTION control.expected_days(first_day date, last_day date) IS 'Usage dates of [first_day, last_day], both included, that active tenants have of each source, and the account they are read from.';

CREATE FUNCTION control.filters_overlap(one jsonb, other jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select not exists (
        select
        from pg_catalog.jsonb_each(one) as mine
        inner join pg_catalog.jsonb_each(other) as asked on mine.key = asked.key
        where not exists (
            select
            from pg_catalog.jsonb_array_elements_text(mine.value) as v (accepted)
            where pg_catalog.jsonb_exists(asked.value, v.accepted)
        )
    )
$$;
COMMENT ON FUNCTION control.filters_overlap(one jsonb, other jsonb) IS 'Whether some row passes both: they share no attribute of which they accept nothing in common.';

CREATE FUNCTION control.have_choices_applied_again() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    involved text[];
begin
    select pg_catalog.array_agg(distinct a.tenant_id) into involved
    from control.agent_attachments as a
    where a.kind = new.kind and a.value = new.value and a.tenant_id is not null;
    if tg_op = 'UPDATE' and old.tenant_id <> all(involved) then
        involved := involved || old.tenant_id;
    end if;
    if pg_catalog.cardinality(involved) > 1 or new.tenant_id is null then
        insert into control.personal_choices (tenant_id) select pg_catalog.unnest(involved)
        on conflict (tenant_id) do update set chosen_at = pg_catalog.clock_timestamp();
    end if;
    return null;
end
$$;

CREATE FUNCTION control.limit_api_keys() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    perform pg_catalog.pg_advisory_xact_lock(7741, pg_catalog.hashtext(coalesce(new.tenant_id, '')));
    if (
        select count(*) from control.api_keys as k
        where
            k.tenant_id is not distinct from new.tenant_id
            and k.scopes && new.scopes
            and k.revoked_at is null
            and (k.expires_at is null or k.expires_at > new.created_at)
    ) >= 2 then
        raise exception 'there are two valid keys already' using errcode = 'check_violation';
    end if;
    return new;
end
$$;

CREATE FUNCTION control.limit_hooks() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    perform pg_catalog.pg_advisory_xact_lock(7741, pg_catalog.hashtext(new.provider || '/' || coalesce(new.tenant_id, '')));
    if (
        select count(*) from control.hooks as h
        where h.provider = new.provider and h.tenant_id is not distinct from new.tenant_id and h.revoked_at is null
    ) >= 2 then
        raise exception 'there are two valid hooks already' using errcode = 'check_violation';
    end if;
    return new;
end
$$;

CREATE TABLE control.endpoints (
    endpoint_id text NOT NULL,
    tenant_id text,
    host text NOT NULL,
    event_types text[] NOT NULL,
    form text DEFAULT 'event'::text NOT NULL,
    has_content boolean DEFAULT false NOT NULL,
    data_key_id bigint NOT NULL,
    ciphertext bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT endpoints_check CHECK (((form = 'event'::text) OR (event_types <@ '{alert.opened,alert.resolved}'::text[]))),
    CONSTRAINT endpoints_endpoint_id_check CHECK ((endpoint_id ~ '^ep_[0-9A-Za-z]{12}$'::text)),
    CONSTRAINT endpoints_event_types_check CHECK ((cardinality(event_types) > 0)),
    CONSTRAINT endpoints_form_check CHECK ((form = ANY (ARRAY['event'::text, 'slack'::text, 'teams'::text, 'mail'::text])))
);
ALTER TABLE ONLY control.endpoints FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.endpoints IS 'Where events are sent. Address and signing secret are sealed in the vault: an address may carry a key of its own.';
COMMENT ON COLUMN control.endpoints.tenant_id IS 'Whose events it hears; null: an endpoint of the platform, which hears all tenants''.';
COMMENT ON COLUMN control.endpoints.form IS 'How it is told: a signed event, or an alert as Slack, Teams or a mail shows it.';
COMMENT ON COLUMN control.endpoints.has_content IS 'Whether a call''s facts go with its ids. They are read when they are sent, and stored in no event.';

CREATE FUNCTION control.listening(of_type text, of_tenant text) RETURNS SETOF control.endpoints
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select e.* from control.endpoints as e
    where
        e.revoked_at is null
        and of_type = any(e.event_types)
        and (e.tenant_id is null or e.tenant_id = of_tenant)
        and not exists (select from control.tenants as t where t.tenant_id = of_tenant and t.is_canary)
$$;
COMMENT ON FUNCTION control.listening(of_type text, of_tenant text) IS 'Endpoints that hear a type of event of a tenant; of null: of no tenant, which those of the platform hear. Of the canary: none.';

CREATE FUNCTION control.of_billed_days(amount numeric, billed_days numeric, period_days numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select pg_catalog.trim_scale(amount * billed_days / period_days)
$$;

CREATE FUNCTION control.priced_up_to(tiers jsonb) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select (tiers -> -1 ->> 'up_to')::numeric
$$;

CREATE FUNCTION control.rated_amount(price_model text, unit_amount numeric, package_size bigint, tiers jsonb, quantity numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select coalesce(sum(r.quantity * r.unit_amount_of_tier), 0)
    from control.rated_tiers(price_model, unit_amount, package_size, tiers, 0, quantity, quantity) as r
$$;

CREATE FUNCTION control.rated_tiers(price_model text, unit_amount numeric, package_size bigint, tiers jsonb, counted_before numeric, counted_until numeric, period_quantity numeric) RETURNS TABLE(tier_index bigint, quantity numeric, unit_amount_of_tier numeric)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select
        1 as tier_index,
        case
            when price_model = 'package'
                then pg_catalog.ceil(counted_until / package_size) - pg_catalog.ceil(counted_before / package_size)
            else counted_until - counted_before
        end as quantity,
        unit_amount as unit_amount_of_tier
    where price_model in ('per_unit', 'package') and counted_until > counted_before
    union all
    select
        t.place as tier_index,
        case
            when price_model = 'volume' then counted_until - counted_before
            else least(counted_until, coalesce(t.upper_bound, counted_until)) - greatest(counted_before, t.lower_bound)
        end as quantity,
        t.amount as unit_amount_of_tier
    from (
        select
            listed.place,
            coalesce(pg_catalog.lag((listed.item ->> 'up_to')::numeric) over (order by listed.place), 0) as lower_bound,
            (listed.item ->> 'up_to')::numeric as upper_bound,
            (listed.item ->> 'unit_amount')::numeric as amount
        from pg_catalog.jsonb_array_elements(tiers) with ordinality as listed (item, place)
    ) as t
    where
        price_model in ('graduated', 'volume')
        and counted_until > counted_before
        and case
            when price_model = 'volume'
                then period_quantity > t.lower_bound and period_quantity <= coalesce(t.upper_bound, period_quantity)
            else counted_until > t.lower_bound and counted_before < coalesce(t.upper_bound, counted_until)
        end
$$;

CREATE FUNCTION control.reading_tenant() RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
    SET search_path TO ''
    AS $$
declare
    bound_tenant text;
begin
    select bound.tenant_id into bound_tenant
    from control.database_logins as bound
    where bound.login = session_user and bound.role = 'tenant' and bound.revoked_at is null;
    if bound_tenant is not null then
        return bound_tenant;
    end if;
    if pg_catalog.pg_has_role(session_user, 'minutebook_server', 'member') then
        return nullif(pg_catalog.current_setting('minutebook.tenant_id', true), '');
    end if;
    return null;
end
$$;
COMMENT ON FUNCTION control.reading_tenant() IS 'The tenant of the login that is connected; null, so no row at all, for a login that is bound to none.';

CREATE FUNCTION control.refuse_counted_twice() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    other text;
begin
    perform pg_catalog.pg_advisory_xact_lock(7735, 0);
    select m.meter_id into other
    from control.meters as m
    where
        m.meter_id <> new.meter_id
        and m.source = new.source
        and m.item = new.item
        and control.filters_overlap(m.attribute_filter, new.attribute_filter)
    limit 1;
    if found then
        raise exception 'meters % and % would count the same rows', other, new.meter_id
        using errcode = 'unique_violation';
    end if;
    return new;
end
$$;

CREATE FUNCTION control.short_of_minimum(minimum_amount numeric, billed_days numeric, period_days numeric, subscription_and_overage numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    select control.of_billed_days(minimum_amount, billed_days, period_days) - subscription_and_overage
$$;

CREATE FUNCTION control.shut_out_tenant(of_tenant text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    delete from control.sessions as s using control.logins as l
    where s.login_id = l.login_id and l.tenant_id = of_tenant;
    delete from control.devices as d using control.logins as l
    where d.login_id = l.login_id and l.tenant_id = of_tenant;
    delete from control.login_links as k using control.logins as l
    where k.login_id = l.login_id and l.tenant_id = of_tenant;
    update control.logins set disabled_at = pg_catalog.now()
    where tenant_id = of_tenant and disabled_at is null;
end
$$;
COMMENT ON FUNCTION control.shut_out_tenant(of_tenant text) IS 'Ends the sessions and links of a tenant''s logins and disables them; audited.';

CREATE FUNCTION control.usage_origin(scope_ref text, environment text, item text, attributes jsonb, traffic text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
    select pg_catalog.concat_ws(
        '/', scope_ref, environment, item, nullif(attributes, '{}')::text, nullif(traffic, 'live')
    )
$$;

CREATE FUNCTION intake.adopt(of_source text, of_account text, of_row text, why text) RETURNS TABLE(usage_date date, outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    day date;
    told record;
    reported json;
begin
    select a.usage_date into day from intake.adoptions as a
    where a.source = of_source and a.account = of_account and a.row_id = of_row;
    if day is not null then
        return query select day, 'known';
        return;
    end if;
    select min(r.usage_date) into day from intake.reports as r
    where r.source = of_source and r.account = of_account and r.row_id = of_row;
    if day is null then
        return query select null::date, 'unheard';
        return;
    end if;
    select * into told from intake.reported_rows(day, day) as r
    where r.source = of_source and r.account = of_account and r.row_id = of_row;
    select r.payload into reported from intake.reports as r
    where
        r.source = of_source and r.account = of_account and r.row_id = of_row
        and r.usage_date = day and r.is_final and r.ended_at is not null
    order by r.report_id desc
    limit 1;
    outcome := case
        when told.is_gone then 'gone'
        when told.read_at is null or told.read_at < told.heard_at then 'unread'
        when told.is_listed then 'listed'
        when reported is null then 'unmeasured'
        else 'adopted'
    end;
    if outcome = 'adopted' then
        insert into intake.adoptions (source, account, row_id, tenant_id, usage_date, payload, reason)
        values (of_source, of_account, of_row, told.tenant_id, day, reported, why)
        on conflict do nothing;
    end if;
    return query select day, outcome;
end
$$;
COMMENT ON FUNCTION intake.adopt(of_source text, of_account text, of_row text, why text) IS 'Adopts the latest report of a row that its provider lists no more; what came of it.';

CREATE FUNCTION intake.erase_reports(of_tenant text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    gone bigint;
begin
    delete from intake.reports where tenant_id = of_tenant;
    get diagnostics gone = row_count;
    delete from intake.hook_notices as n
    using control.hooks as h
    where n.hook_id = h.hook_id and h.tenant_id = of_tenant;
    return gone;
end
$$;
COMMENT ON FUNCTION intake.erase_reports(of_tenant text) IS 'Deletes what was reported of the rows of a tenant''s own accounts; reports deleted.';

CREATE FUNCTION intake.forget_personal_data(of_tenant text, before_date date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    forgotten bigint;
begin
    update intake.events set personal = null
    where tenant_id = of_tenant and usage_date < before_date and personal is not null;
    get diagnostics forgotten = row_count;
    return forgotten;
end
$$;

CREATE FUNCTION intake.frozen_line_of(of_arrivals text, of_source text, of_event text, of_line text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    of_tenant constant text := intake.pushing_tenant();
    carrying text;
begin
    execute pg_catalog.format(
        'select l.line_id from ledger.statement_lines as l'
        ' inner join ledger.line_pulls as p on l.line_id = p.line_id and p.source = $1'
        ' inner join %s as r on p.pull_id = r.pull_id'
        ' where l.tenant_id = $2 and (l.line_id = $3 or l.corrects_line_id = $3)'
        ' and r.tenant_id = $2 and r.attributes ->> ''event_source'' = $4 and r.reference = $5'
        ' order by l.frozen_at, l.line_id limit 1',
        ledger.raw_table_of(of_arrivals)
    ) into carrying using of_arrivals, of_tenant, of_line, of_source, of_event;
    return carrying;
end
$_$;
COMMENT ON FUNCTION intake.frozen_line_of(of_arrivals text, of_source text, of_event text, of_line text) IS 'Of a line of the tenant that pushes and its adjustments, the first that was frozen with an event in it; null where none was.';

CREATE FUNCTION intake.hook_of(of_hook text) RETURNS TABLE(provider text, tenant_id text, method text, settings jsonb, revoked_at timestamp with time zone, ciphertext bytea, data_key_id bigint, master_key_id text, wrapped_key bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select
        h.provider, h.tenant_id, h.method, h.settings, h.revoked_at, h.ciphertext, h.data_key_id, k.master_key_id,
        k.wrapped_key
    from control.hooks as h
    inner join control.data_keys as k on h.data_key_id = k.data_key_id
    where h.hook_id = of_hook
$$;
COMMENT ON FUNCTION intake.hook_of(of_hook text) IS 'What opens a hook, to who knows its address; its secret is sealed.';

CREATE FUNCTION intake.key_of(of_key text) RETURNS TABLE(tenant_id text, scopes text[], token_hash bytea, expires_at timestamp with time zone, revoked_at timestamp with time zone)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select k.tenant_id, k.scopes, k.token_hash, k.expires_at, k.revoked_at from control.api_keys as k where k.key_id = of_key
$$;

CREATE FUNCTION intake.make_month(of_month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    first_day constant date := pg_catalog.date_trunc('month', of_month)::date;
    next_first constant date := (first_day + interval '1 month')::date;
    name constant text := 'events_' || pg_catalog.to_char(first_day, 'YYYY_MM');
begin
    if
        pg_catalog.to_regclass('intake.' || name) is not null
        or exists (
            select from intake.events_of_other_months as e where e.usage_date >= first_day and e.usage_date < next_first
        )
    then
        return;
    end if;
    execute pg_catalog.format(
        'create table intake.%I partition of intake.events for values from (%L) to (%L)', name, first_day, next_first
    );
    execute pg_catalog.format('alter table intake.%I enable row level security, force row level security', name);
    execute pg_catalog.format('create policy owner on intake.%I to current_user using (true) with check (true)', name);
end
$$;
COMMENT ON FUNCTION intake.make_month(of_month date) IS 'Makes the room of a month''s events, unless there is one.';

CREATE FUNCTION intake.missing_events(of_source text, first_day date) RETURNS TABLE(tenant_id text, usage_date date, missing bigint, pushed bigint, example text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $_$
begin
    return query execute pg_catalog.format(
        'with read as materialized ('
        ' select distinct coalesce(r.tenant_id, s.tenant_id) as tenant_id, r.usage_date, e.event_id'
        ' from %s as r'
        ' inner join ledger.pulls as p on r.pull_id = p.pull_id and p.state = ''published'' and p.usage_date >= $2'
        ' left join control.scopes as s on r.scope_kind = s.kind and r.scope_ref = s.value'
        ' and r.usage_date >= s.valid_from and (s.valid_to is null or r.usage_date < s.valid_to)'
        ' cross join lateral pg_catalog.json_array_elements_text(r.payload -> ''event_ids'') as e (event_id)'
        ' where p.source = $1 and pg_catalog.json_typeof(r.payload -> ''event_ids'') = ''array''),'
        ' taken as ('
        ' select distinct i.tenant_id, i.event_id from intake.events as i'
        ' inner join (select distinct d.tenant_id, d.usage_date from read as d) as d'
        ' on i.tenant_id = d.tenant_id and i.usage_date between d.usage_date - 1 and d.usage_date + 1),'
        ' judged as ('
        ' select r.tenant_id, r.usage_date, r.event_id, t.event_id is not null as is_pushed from read as r'
        ' left join taken as t on r.tenant_id = t.tenant_id and r.event_id = t.event_id),'
        ' counted as ('
        ' select j.tenant_id, j.usage_date, count(*) filter (where not j.is_pushed) as missing,'
        ' count(*) filter (where j.is_pushed) as pushed, min(j.event_id) filter (where not j.is_pushed) as example,'
        ' sum(count(*) filter (where j.is_pushed)) over (partition by j.tenant_id) as pushed_ever'
        ' from judged as j where j.tenant_id is not null group by j.tenant_id, j.usage_date)'
        ' select c.tenant_id, c.usage_date, c.missing, c.pushed, c.example from counted as c'
        ' where c.missing > 0 and c.pushed_ever > 0 order by c.tenant_id, c.usage_date',
        ledger.raw_table_of(of_source)
    ) using of_source, first_day;
end
$_$;
COMMENT ON FUNCTION intake.missing_events(of_source text, first_day date) IS 'Ids that rows of a source name as pushed and that were not, by tenant and day, of tenants that pushed some since then.';

CREATE FUNCTION intake.pushing_tenant() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
    select nullif(pg_catalog.current_setting('minutebook.tenant_id', true), '')
$$;

CREATE FUNCTION intake.read_as(of_arrivals text, of_pull bigint, of_source text, of_event text) RETURNS TABLE(is_read boolean, origin text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    of_tenant constant text := intake.pushing_tenant();
begin
    return query execute pg_catalog.format(
        'select true, control.usage_origin(r.scope_ref, r.environment, r.item, r.attributes::jsonb, r.traffic)'
        ' from %s as r where r.pull_id = $1 and r.tenant_id = $2'
        ' and r.attributes ->> ''event_source'' = $3 and r.reference = $4'
        ' order by r.attributes ->> ''kind'' limit 1',  -- of an event of several quantities, the first
        ledger.raw_table_of(of_arrivals)
    ) using of_pull, of_tenant, of_source, of_event;
    if found then
        return;
    end if;
    return query
    select
        exists (
            select from intake.identities as i
            inner join ledger.pulls as p
                on p.pull_id = of_pull and i.tenant_id = p.account and i.usage_date = p.usage_date
                and p.state = 'published'
            where
                i.tenant_id = of_tenant
                and i.source = of_source
                and i.event_id = of_event
                and not exists (
                    select from ledger.changed_arrivals as c
                    where c.tenant_id = of_tenant and c.source = of_arrivals and c.usage_date = i.usage_date
                )
        ),
        null;
end
$_$;
COMMENT ON FUNCTION intake.read_as(of_arrivals text, of_pull bigint, of_source text, of_event text) IS 'Whether a pull holds an event of the tenant that pushes, and what its row is counted together with: null where it makes none. Exact: a commit in flight while its day was read is not in the pull.';

CREATE FUNCTION intake.refuse_events(sources text[], event_ids text[], codes text[], details text[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into intake.refusals as r (tenant_id, source, event_id, code, detail)
    select distinct on (b.source, b.event_id) intake.pushing_tenant(), b.source, b.event_id, b.code, b.detail
    from unnest(sources, event_ids, codes, details) with ordinality as b (source, event_id, code, detail, place)
    order by b.source, b.event_id, b.place desc
    on conflict (tenant_id, source, event_id) do update
    set code = excluded.code, detail = excluded.detail, refused_at = excluded.refused_at
$$;

CREATE FUNCTION intake.reported_rows(first_day date, last_day date) RETURNS TABLE(source text, account text, tenant_id text, usage_date date, row_id text, is_final boolean, is_gone boolean, heard_at timestamp with time zone, read_at timestamp with time zone, is_listed boolean, is_as_told boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    told record;
begin
    -- Where a report names no row, it is as told once its day was read after it.
    return query
    select
        r.source, r.account, r.tenant_id, r.usage_date, r.row_id, bool_or(r.is_final), false, max(r.received_at), p.read_at,
        coalesce(p.read_at >= max(r.received_at), false), true
    from intake.reports as r
    inner join control.sources as s on r.source = s.source and s.hook ->> 'row_column' is null
    left join lateral (
        select max(l.opened_at) as read_at from ledger.pulls as l
        where
            l.source = r.source
            and l.account = r.account
            and l.usage_date = r.usage_date
            and l.state in ('published', 'unchanged')
            and not l.is_in_progress
    ) as p on true
    where r.usage_date between first_day and last_day
    group by r.source, r.account, r.tenant_id, r.usage_date, r.row_id, p.read_at;
    for told in
        select s.source, s.hook from control.sources as s where s.hook ->> 'row_column' is not null order by s.source
    loop
        return query execute pg_catalog.format(
            $query$
            with heard as (
                select
                    r.account, r.tenant_id, r.row_id, min(r.usage_date) as usage_date, bool_or(r.is_final) as is_final,
                    bool_or(r.is_gone) as is_gone, max(r.received_at) as heard_at, max(r.ended_at) as ended_at,
                    (array_agg(r.cost order by r.report_id desc) filter (where r.cost is not null))[1] as cost
                from intake.reports as r
                where r.source = $1 and r.usage_date between $2 and $3
                group by r.account, r.tenant_id, r.row_id
            ),

            readings as (
                select
                    p.account, p.usage_date, max(p.opened_at) as read_at,
                    max(p.pull_id) filter (where p.state = 'published') as pull_id
                from ledger.pulls as p
                where p.source = $1 and p.usage_date between $2 and $3 and p.state in ('published', 'unchanged')
                    and not p.is_in_progress
                group by p.account, p.usage_date
            )

            select
                $1, h.account, h.tenant_id, h.usage_date, h.row_id, h.is_final, h.is_gone, h.heard_at, p.read_at,
                t.pull_id is not null or q.pull_id is not null,
                q.pull_id is not null or (
                    (h.ended_at is null or t.%3$I is not distinct from h.ended_at)
                    and (h.cost is null or abs((t.payload ->> %4$L)::numeric - h.cost) <= 0.00005)
                )
            from heard as h
            left join readings as p on h.account = p.account and h.usage_date = p.usage_date
            left join %1$s as t on p.pull_id = t.pull_id and h.row_id = t.%2$I
            left join ledger.quarantine as q on p.pull_id = q.pull_id and q.item = h.row_id
            $query$,
            ledger.raw_table_of(told.source), told.hook ->> 'row_column', told.hook ->> 'ended_column',
            told.hook ->> 'cost_field'
        ) using told.source, first_day, last_day;
    end loop;
end
$_$;

CREATE FUNCTION intake.take_events(of_arrivals text, sources text[], event_ids text[], types text[], subjects text[], happened timestamp with time zone[], hashes bytea[], contents bigint[], replaced text[], facts text[], personal text[]) RETURNS TABLE(place integer, outcome text)
    LANGUAGE plpgsql
    SET search_path TO ''
    SET enable_nestloop TO 'off'
    AS $$
declare
    of_tenant constant text := intake.pushing_tenant();
    taken bigint[];
begin
    if of_tenant is null then
        raise exception 'no tenant is named' using errcode = 'insufficient_privilege';
    end if;
    perform pg_catalog.set_config('synchronous_commit', 'on', true);
    if pg_catalog.array_remove(replaced, null) <> '{}' then
        perform intake.take_turn(of_tenant);
    end if;
    with batch as materialized (
        select b.*, (b.happened_at at time zone 'UTC')::date as usage_date
        from unnest(
            sources, event_ids, types, subjects, happened, hashes, contents, replaced, facts, personal
        ) with ordinality as b (
            source, event_id, type, subject, happened_at, content_hash, content, replaces, facts, personal, place
        )
        where b.replaces is null
    ),

    fresh as (
        insert into intake.identities as i (tenant_id, source, event_id, usage_date, content_hash)
        select of_tenant, b.source, b.event_id, b.usage_date, b.content_hash
        from batch as b
        order by b.source collate "C", b.event_id collate "C"
        on conflict do nothing
        returning i.source, i.event_id, i.event_number
    ),

    kept as materialized (
        select b.*, f.event_number
        from batch as b
        inner join fresh as f on b.source = f.source and b.event_id = f.event_id
    ),

    stored as (
        insert into intake.events (
            tenant_id, usage_date, event_number, source, event_id, type, subject, happened_at, facts, personal
        )
        select
            of_tenant, k.usage_date, k.event_number, k.source, k.event_id, k.type, k.subject, k.happened_at,
            k.facts::json, k.personal::json
        from kept as k
    ),

    added_up as (
        insert into ledger.arrivals (tenant_id, source, usage_date, events, content)
        select of_tenant, of_arrivals, k.usage_date, count(*), sum(k.content) from kept as k group by k.usage_date
    )

    select pg_catalog.array_agg(k.place) into taken from kept as k;
    if coalesce(pg_catalog.cardinality(taken), 0) < pg_catalog.cardinality(pg_catalog.array_positions(replaced, null)) then
        return query
        select b.place::int, case
            (
                select i.content_hash from intake.identities as i
                where i.tenant_id = of_tenant and i.source = b.source and i.event_id = b.event_id
            )
            when b.content_hash then 'duplicate' else 'id_conflict'
        end
        from unnest(sources, event_ids, hashes, replaced) with ordinality
        as b (source, event_id, content_hash, replaces, place)
        where b.replaces is null and b.place <> all(coalesce(taken, '{}'));
    end if;
    return query
    select b.place::int, r.outcome
    from unnest(
        sources, event_ids, types, subjects, happened, hashes, contents, replaced, facts, personal
    ) with ordinality as b (
        source, event_id, type, subject, happened_at, content_hash, content, replaces, facts, personal, place
    )
    cross join lateral intake.take_replacement(
        of_arrivals, b.source, b.event_id, b.type, b.subject, b.happened_at, b.content_hash, b.content, b.replaces,
        b.facts, b.personal
    ) as r (outcome)
    where b.replaces is not null and r.outcome is not null;
end
$$;

CREATE FUNCTION intake.take_notice(of_hook text, of_code text, whom text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into intake.hook_notices as n (hook_id, code, about)
    values (of_hook, of_code, whom)
    on conflict (hook_id, code, about) do update set last_at = clock_timestamp()
$$;

CREATE FUNCTION intake.take_replacement(of_arrivals text, of_source text, of_event text, of_type text, of_subject text, happened timestamp with time zone, hash bytea, content bigint, replaced text, facts text, personal text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
declare
    of_tenant constant text := intake.pushing_tenant();
    of_day constant date := (happened at time zone 'UTC')::date;
    target intake.identities;
    root text;
    number bigint;
begin
    select i.* into target from intake.identities as i
    where i.tenant_id = of_tenant and i.source = of_source and i.event_id = replaced;
    root := coalesce(target.root_id, target.event_id);
    if root is not null then
        -- Who takes the same identity without replacing anything has no turn: this waits for its commit.
        insert into intake.identities as i (tenant_id, source, event_id, usage_date, content_hash, root_id)
        values (of_tenant, of_source, of_event, of_day, hash, root)
        on conflict do nothing
        returning i.event_number into number;
    end if;
    if number is null then
        return coalesce(
            (
                select case i.content_hash when hash then 'duplicate' else 'id_conflict' end
                from intake.identities as i
                where i.tenant_id = of_tenant and i.source = of_source and i.event_id = of_event
            ), 'replaces_unknown'
        );
    end if;
    insert into intake.events (
        tenant_id, usage_date, event_number, source, event_id, type, subject, happened_at, root_id, facts, personal
    ) values (
        of_tenant, of_day, number, of_source, of_event, of_type, of_subject, happened, root, facts::json, personal::json
    );
    insert into ledger.arrivals (tenant_id, source, usage_date, events, content)
    select of_tenant, of_arrivals, line.usage_date, max(line.events), content
    from (
        select of_day as usage_date, 1 as events
        union all
        select i.usage_date, 0 from intake.identities as i
        where i.tenant_id = of_tenant and i.source = of_source and i.event_id = root
        union all
        select r.usage_date, 0 from intake.replacements as r
        where r.tenant_id = of_tenant and r.source = of_source and r.root_id = root
    ) as line
    group by line.usage_date;
    insert into intake.replacements (tenant_id, source, root_id, event_number, event_id, usage_date)
    values (of_tenant, of_source, root, number, of_event, of_day);
    return null;
end
$$;

CREATE FUNCTION intake.take_report(of_hook text, of_source text, of_row text, kind text, status text, created_at timestamp with time zone, ended_at timestamp with time zone, cost numeric, is_final boolean, is_gone boolean, content_hash bytea, payload text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    perform pg_catalog.set_config('synchronous_commit', 'on', true);
    insert into intake.reports (
        hook_id, tenant_id, source, account, row_id, kind, status, usage_date, ended_at, cost, is_final, is_gone,
        content_hash, payload
    )
    select
        h.hook_id, h.tenant_id, s.source, coalesce(h.tenant_id, 'platform'), of_row, take_report.kind, take_report.status,
        (take_report.created_at at time zone 'UTC')::date, take_report.ended_at, take_report.cost, take_report.is_final,
        take_report.is_gone, take_report.content_hash, take_report.payload::json
    from control.hooks as h
    inner join control.sources as s on h.provider = s.provider and s.source = of_source and s.hook is not null
    where h.hook_id = of_hook and h.revoked_at is null
    on conflict on constraint reports_source_account_row_id_content_hash_key do nothing;
    return found;
end
$$;
COMMENT ON FUNCTION intake.take_report(of_hook text, of_source text, of_row text, kind text, status text, created_at timestamp with time zone, ended_at timestamp with time zone, cost numeric, is_final boolean, is_gone boolean, content_hash bytea, payload text) IS 'Keeps what a provider told of a row of a hook''s account; whether it was new.';

CREATE FUNCTION intake.take_turn(of_tenant text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select pg_catalog.pg_advisory_xact_lock(7742, pg_catalog.hashtext(of_tenant))
$$;

CREATE FUNCTION intake.tenant_of_events(of_tenant text) RETURNS TABLE(closed_from date, phone_numbers text, transcripts text, recordings text, events_per_minute integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select
        (
            select min(s.valid_from) from control.tenant_statuses as s
            where s.tenant_id = t.tenant_id and s.status = 'closed'
        ),
        coalesce(c.phone_numbers, 'kept'),
        coalesce(c.transcripts, 'never'),
        coalesce(c.recordings, 'never'),
        (
            select p.events_per_minute from control.tenant_plans as v
            inner join control.plans as p on v.plan_id = p.plan_id
            where v.tenant_id = t.tenant_id and v.valid_from <= (now() at time zone 'UTC')::date
            order by v.valid_from desc
            limit 1
        )
    from control.tenants as t
    left join control.personal_choices as c on t.tenant_id = c.tenant_id
    where t.tenant_id = of_tenant
$$;
COMMENT ON FUNCTION intake.tenant_of_events(of_tenant text) IS 'From when a tenant is closed, what it wants kept and how much its plan lets it push; no row for no tenant.';

CREATE FUNCTION intake.tidy(today date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    -- The furthest that a key may reach back, and a month besides.
    forgotten_before constant date := today - 435;
    -- No provider that tells us of its rows remembers them for longer, and a quarter is corrected within the next month.
    reported_before constant date := today - 130;
    month record;
    gone bigint;
begin
    for month in
        select c.oid::regclass::text as name
        from pg_catalog.pg_inherits as h
        inner join pg_catalog.pg_class as c on h.inhrelid = c.oid
        where
            h.inhparent = 'intake.events'::regclass
            and c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
            and pg_catalog.to_date(pg_catalog.right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= forgotten_before
    loop
        execute 'drop table ' || month.name;
    end loop;
    delete from intake.events where usage_date < forgotten_before;
    delete from intake.refusals where refused_at < today - 35;
    delete from intake.reports where usage_date < reported_before;
    delete from intake.hook_notices where last_at < reported_before;
    delete from intake.identities where usage_date < forgotten_before;
    get diagnostics gone = row_count;
    -- As long as any event of its line is stored: what it replaced would stand again without it.
    delete from intake.replacements as r
    where
        r.usage_date < forgotten_before
        and not exists (
            select from intake.identities as i
            where i.tenant_id = r.tenant_id and i.source = r.source and i.event_id = r.root_id
        )
        and not exists (
            select from intake.replacements as other
            where
                other.tenant_id = r.tenant_id
                and other.source = r.source
                and other.root_id = r.root_id
                and other.usage_date >= forgotten_before
        );
    with folded as (
        delete from ledger.arrivals as a
        using (
            select b.tenant_id, b.source, b.usage_date from ledger.arrivals as b
            group by b.tenant_id, b.source, b.usage_date
            having count(*) > 1
        ) as several
        where
            a.tenant_id = several.tenant_id and a.source = several.source and a.usage_date = several.usage_date
        returning a.tenant_id, a.source, a.usage_date, a.events, a.content
    )

    insert into ledger.arrivals (tenant_id, source, usage_date, events, content)
    select f.tenant_id, f.source, f.usage_date, sum(f.events), sum(f.content)
    from folded as f
    group by f.tenant_id, f.source, f.usage_date;
    return gone;
end
$_$;
COMMENT ON FUNCTION intake.tidy(today date) IS 'Drops events and identities that no key may push any more, and folds what arrived of one day to one row: its sums stay as they are. Returns identities dropped.';

CREATE FUNCTION intake.unheard_rows(first_day date, last_day date) RETURNS TABLE(source text, account text, usage_date date, row_count bigint, unheard bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    told record;
begin
    for told in
        select s.source, s.provider, s.hook from control.sources as s
        where s.hook ->> 'row_column' is not null
        order by s.source
    loop
        return query execute pg_catalog.format(
            $query$
            select $1, p.account, p.usage_date, count(*), count(*) filter (where not exists (
                select from intake.reports as r where r.source = $1 and r.account = p.account and r.row_id = t.%2$I
            ))
            from ledger.pulls as p
            inner join %1$s as t on p.pull_id = t.pull_id
            where p.source = $1 and p.state = 'published' and p.usage_date between $2 and $3 and exists (
                select from control.hooks as h
                where h.provider = $4 and coalesce(h.tenant_id, 'platform') = p.account
                and (h.created_at at time zone 'UTC')::date < p.usage_date
                and (h.revoked_at is null or (h.revoked_at at time zone 'UTC')::date > p.usage_date)
            )
            group by p.account, p.usage_date
            $query$,
            ledger.raw_table_of(told.source), told.hook ->> 'row_column'
        ) using told.source, first_day, last_day, told.provider;
    end loop;
end
$_$;

CREATE FUNCTION intake.use_hook(of_hook text, at timestamp with time zone, is_taken boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into intake.hook_uses as u (hook_id, heard_at, refused_at)
    values (of_hook, case when is_taken then at end, case when not is_taken then at end)
    on conflict (hook_id) do update
    set heard_at = greatest(u.heard_at, excluded.heard_at), refused_at = greatest(u.refused_at, excluded.refused_at)
$$;

CREATE FUNCTION intake.use_key(of_key text, at timestamp with time zone) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into intake.key_uses as u (key_id, used_at) values (of_key, at)
    on conflict (key_id) do update set used_at = excluded.used_at where u.used_at < excluded.used_at
$$;

CREATE TABLE ledger.audit_log (
    entry_id bigint NOT NULL,
    happened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    object_table text NOT NULL,
    tenant_id text,
    before jsonb,
    after jsonb,
    login text DEFAULT SESSION_USER,
    client inet DEFAULT inet_client_addr(),
    application text DEFAULT current_setting('application_name'::text)
);
ALTER TABLE ONLY ledger.audit_log FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.audit_log IS 'Who changed what, before and after; never a secret. Insert only.';
COMMENT ON COLUMN ledger.audit_log.login IS 'The login that was connected; actor is who it says is at the keyboard.';

CREATE FUNCTION ledger.audit_hash(previous_hash bytea, entry ledger.audit_log) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
    select pg_catalog.sha256(
        previous_hash || pg_catalog.convert_to(
            pg_catalog.jsonb_build_array(
                entry.entry_id, extract(epoch from entry.happened_at), entry.actor, entry.action, entry.object_table,
                entry.tenant_id, entry.before, entry.after, entry.login, entry.client, entry.application
            )::text,
            'UTF8'
        )
    )
$$;

CREATE FUNCTION ledger.begin_automation_runs(today date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    begun bigint := 0;
begin
    if not exists (
        select from control.tenants as t
        where pg_catalog.jsonb_typeof(t.feature_flags -> 'automations') = 'object'
    ) then
        return 0;
    end if;
    insert into ledger.automation_runs (tenant_id, automation, account, source, call_id, usage_date)
    select t.tenant_id, f.key, c.account, c.source, c.call_id, c.usage_date
    from control.tenants as t
    cross join lateral pg_catalog.jsonb_each_text(
        case when pg_catalog.jsonb_typeof(t.feature_flags -> 'automations') = 'object'
            then t.feature_flags -> 'automations' else '{}'
        end
    ) as f (key, value)
    inner join marts.fct_calls as c
        on t.tenant_id = c.tenant_id and c.usage_date between greatest(f.value::date, today - 3) and today
    where not t.is_canary and c.outcome not in ('in progress', 'scheduled')
    on conflict do nothing;
    get diagnostics begun = row_count;
    return begun;
end
$$;
COMMENT ON FUNCTION ledger.begin_automation_runs(today date) IS 'Returns how many were written down; to be called while nobody builds.';

CREATE FUNCTION ledger.blockers(of_table regclass) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select pg_catalog.pg_stat_clear_snapshot();
    select coalesce(pg_catalog.string_agg(ledger.who_is(l.pid), '; ' order by l.pid), 'nobody any more')
    from pg_catalog.pg_locks as l
    where
        l.relation = of_table and l.granted and l.pid <> pg_catalog.pg_backend_pid()
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
$$;
COMMENT ON FUNCTION ledger.blockers(of_table regclass) IS 'Who holds a lock of any kind on the table, in words.';

CREATE FUNCTION ledger.chain_audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    last ledger.audit_chain;
begin
    perform pg_catalog.pg_advisory_xact_lock(7740, 0);
    select * into last from ledger.audit_chain order by position desc limit 1;
    insert into ledger.audit_chain (position, entry_id, previous_hash, entry_hash)
    values (
        coalesce(last.position, 0) + 1,
        new.entry_id,
        coalesce(last.entry_hash, ''),
        ledger.audit_hash(coalesce(last.entry_hash, ''), new)
    );
    return null;
end
$$;

CREATE FUNCTION ledger.clean_payloads(of_source text, row_ids tid[], cleaned json[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    raw_table constant text := ledger.raw_table_of(of_source);
    facts constant text[] := (select s.facts from control.sources as s where s.source = of_source);
    wrong bigint;
    changed bigint;
begin
    execute pg_catalog.format(
        'select count(*) from unnest($1, $2) as wanted (row_id, cleaned)'
        ' inner join %s as r on r.ctid = wanted.row_id'
        ' where not ledger.is_payload_without_more(r.payload, wanted.cleaned, $3)', raw_table
    ) into wrong using row_ids, cleaned, facts;
    if wrong > 0 then
        raise exception 'a fact of % would change: only what is of no contract may be taken out', of_source;
    end if;
    execute pg_catalog.format(
        'update %s as r set payload = wanted.cleaned'
        ' from unnest($1, $2) as wanted (row_id, cleaned) where r.ctid = wanted.row_id', raw_table
    ) using row_ids, cleaned;
    get diagnostics changed = row_count;
    return changed;
end
$_$;

CREATE FUNCTION ledger.discard_landed(raw_table regclass, of_pulls bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
begin
    if not exists (
        select from pg_catalog.pg_class as c
        inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
        where c.oid = raw_table and n.nspname like 'raw\_%'
    ) then
        raise exception '% is no table of raw rows', raw_table using errcode = 'invalid_parameter_value';
    end if;
    execute pg_catalog.format(
        'delete from %s as landed using ledger.pulls as p'
        ' where landed.pull_id = p.pull_id and p.state = ''reading'' and p.pull_id = any($1)',
        raw_table
    ) using of_pulls;
end
$_$;
COMMENT ON FUNCTION ledger.discard_landed(raw_table regclass, of_pulls bigint[]) IS 'Deletes raw rows of pulls that are still being read; the loader has no other way to delete.';

CREATE FUNCTION ledger.end_blockers(of_table regclass, older_than interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    blocker record;
begin
    -- Asked twice in one transaction, the server says again what it said of sessions at first: a reader whose former
    -- transaction was seen then would be taken for one that never ended.
    perform pg_catalog.pg_stat_clear_snapshot();
    for blocker in
        select
            a.pid,
            a.usename,
            a.application_name,
            a.client_addr,
            a.xact_start
        from pg_catalog.pg_locks as l
        inner join pg_catalog.pg_stat_activity as a on l.pid = a.pid
        where
            l.relation = of_table and l.granted and l.pid <> pg_catalog.pg_backend_pid()
            and l.database = (
                select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
            )
            and a.backend_type = 'client backend'
            and a.application_name <> 'dbt'
            and a.xact_start < pg_catalog.clock_timestamp() - older_than
        group by a.pid, a.usename, a.application_name, a.client_addr, a.xact_start
    loop
        perform pg_catalog.pg_terminate_backend(blocker.pid);
        insert into ledger.audit_log (actor, action, object_table, after)
        values ('build', 'end_blocker', of_table::text, pg_catalog.to_jsonb(blocker));
    end loop;
exception when insufficient_privilege then
    return;  -- an owner without the right to end sessions: whoever waits names them, and gives up
end
$$;
COMMENT ON FUNCTION ledger.end_blockers(of_table regclass, older_than interval) IS 'Ends sessions whose transaction has held a lock on the table for longer; each is in the audit log.';

CREATE FUNCTION ledger.end_old_readers(older_than interval) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    reader record;
    ended int := 0;
begin
    perform pg_catalog.pg_stat_clear_snapshot();
    for reader in
        select
            a.pid,
            a.usename,
            a.application_name,
            a.client_addr,
            a.xact_start
        from pg_catalog.pg_stat_activity as a
        inner join control.database_logins as bound
            on a.usename = bound.login and bound.role in ('analyst', 'tenant')
        where
            a.datname = pg_catalog.current_database() and a.backend_type = 'client backend'
            and a.xact_start < pg_catalog.clock_timestamp() - greatest(older_than, interval '5 seconds')
    loop
        ended := ended + pg_catalog.pg_terminate_backend(reader.pid)::int;
        insert into ledger.audit_log (actor, action, object_table, after)
        values ('serve', 'end_reader', 'pg_stat_activity', pg_catalog.to_jsonb(reader));
    end loop;
    return ended;
exception when insufficient_privilege then
    return 0;  -- an owner without the right to end sessions: the logins' own settings bound them
end
$$;
COMMENT ON FUNCTION ledger.end_old_readers(older_than interval) IS 'Ends sessions of readers whose transaction is older, five seconds at least; each is in the audit log.';

CREATE FUNCTION ledger.erase_automations(of_tenant text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    delete from automations.checkpoint_writes where pg_catalog.split_part(thread_id, '/', 1) = of_tenant;
    delete from automations.checkpoint_blobs where pg_catalog.split_part(thread_id, '/', 1) = of_tenant;
    delete from automations.checkpoints where pg_catalog.split_part(thread_id, '/', 1) = of_tenant;
    delete from ledger.automation_runs where tenant_id = of_tenant
$$;
COMMENT ON FUNCTION ledger.erase_automations(of_tenant text) IS 'Takes a tenant''s runs and what they held away; safe to repeat.';

CREATE FUNCTION ledger.erase_outgoing(of_tenant text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    update control.endpoints set host = '', ciphertext = '', revoked_at = coalesce(revoked_at, pg_catalog.now())
    where tenant_id = of_tenant and ciphertext <> '';
    delete from ledger.outgoing_events where tenant_id = of_tenant;
    delete from ledger.alerts where tenant_id = of_tenant;
    delete from ledger.completed_calls where tenant_id = of_tenant
$$;
COMMENT ON FUNCTION ledger.erase_outgoing(of_tenant text) IS 'Takes a tenant''s endpoints, events and deliveries away; safe to repeat.';

CREATE TABLE ledger.pulls (
    pull_id bigint NOT NULL,
    attempt_id bigint NOT NULL,
    source text NOT NULL,
    account text NOT NULL,
    tenant_id text,
    usage_date date NOT NULL,
    state text DEFAULT 'reading'::text NOT NULL,
    is_incomplete boolean DEFAULT false NOT NULL,
    is_in_progress boolean DEFAULT false NOT NULL,
    row_count bigint,
    content_hash text,
    totals jsonb DEFAULT '{}'::jsonb NOT NULL,
    provider_totals jsonb,
    windows jsonb DEFAULT '[]'::jsonb NOT NULL,
    requests integer DEFAULT 0 NOT NULL,
    cause_code text,
    cause text,
    is_permanent boolean,
    confirms_pull_id bigint,
    opened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    closed_at timestamp with time zone,
    purged_at timestamp with time zone,
    lacks_only_quarantined boolean DEFAULT false NOT NULL,
    evidence text,
    results_hash text,
    holds_results boolean DEFAULT false NOT NULL,
    CONSTRAINT pulls_check CHECK (((NOT holds_results) OR (state = 'unchanged'::text))),
    CONSTRAINT pulls_check1 CHECK ((account = COALESCE(tenant_id, 'platform'::text))),
    CONSTRAINT pulls_check2 CHECK (((state = 'failed'::text) = (cause IS NOT NULL))),
    CONSTRAINT pulls_check3 CHECK (((state = 'unchanged'::text) = (confirms_pull_id IS NOT NULL))),
    CONSTRAINT pulls_check4 CHECK (((state = 'reading'::text) = (closed_at IS NULL))),
    CONSTRAINT pulls_state_check CHECK ((state = ANY (ARRAY['reading'::text, 'published'::text, 'superseded'::text, 'unchanged'::text, 'failed'::text])))
);
ALTER TABLE ONLY ledger.pulls FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.pulls IS 'One attempt to read one account, source and usage date. Only rows of published pulls are read by anybody. An account is a tenant''s own, or the platform''s (tenant_id is null), whose calls dbt routes to tenants.';
COMMENT ON COLUMN ledger.pulls.is_in_progress IS 'Whether the day was read before it was over: it is incomplete for that alone, and another reading replaces it.';
COMMENT ON COLUMN ledger.pulls.purged_at IS 'When its raw rows were deleted. Only pulls that nobody reads are purged; what they counted stays here.';
COMMENT ON COLUMN ledger.pulls.lacks_only_quarantined IS 'Whether it is incomplete for no other reason than that rows were set aside.';
COMMENT ON COLUMN ledger.pulls.evidence IS 'Of a pull that failed for a doubt: the figures and rows that it was about.';
COMMENT ON COLUMN ledger.pulls.results_hash IS 'SHA-256 of what its rows say of calls beyond what is billed, as it may be stored; null where they say nothing.';
COMMENT ON COLUMN ledger.pulls.holds_results IS 'Of an unchanged pull: it billed the same and said something else of its calls, so its rows landed. Results are read from the latest of these; money from the pull that it confirms.';

CREATE FUNCTION ledger.explains_a_frozen_line(of_pull ledger.pulls) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select exists (
        select from ledger.statement_lines as l
        where
            (of_pull.tenant_id is null or of_pull.tenant_id = l.tenant_id)
            and of_pull.usage_date >= l.service_period_start
            and of_pull.usage_date < l.service_period_end
            and of_pull.closed_at <= l.frozen_at
            and not exists (
                select from ledger.pulls as later
                where
                    later.source = of_pull.source
                    and later.account = of_pull.account
                    and later.usage_date = of_pull.usage_date
                    and later.state in ('published', 'superseded')
                    and later.pull_id > of_pull.pull_id
                    and later.closed_at <= l.frozen_at
            )
    )
$$;
COMMENT ON FUNCTION ledger.explains_a_frozen_line(of_pull ledger.pulls) IS 'Whether a superseded pull was current when a line about its usage date was frozen.';

CREATE FUNCTION ledger.forget_automations(today date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    gone bigint;
begin
    gone := ledger.forget_threads(
        array(select r.thread_id from ledger.automation_runs as r where r.ended_at < today - 90)
    );
    delete from ledger.automation_runs as r where r.usage_date < today - 435 and r.state <> 'open';
    return gone;
end
$$;

CREATE FUNCTION ledger.forget_automations_of(of_tenant text, before_date date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    threads constant text[] := array(
        select r.thread_id from ledger.automation_runs as r
        where r.tenant_id = of_tenant and r.usage_date < before_date
    );
begin
    update ledger.automation_runs
    set state = 'ended', due_at = null, ended_at = pg_catalog.now(), fault = 'its call was forgotten'
    where thread_id = any(threads) and state in ('open', 'failed');
    return ledger.forget_threads(threads);
end
$$;

CREATE FUNCTION ledger.forget_outgoing(today date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    gone bigint;
begin
    delete from ledger.outgoing_events as o
    where
        o.happened_at < today - 90
        and not exists (
            select from ledger.deliveries as d where d.event_number = o.event_number and d.state = 'waiting'
        );
    get diagnostics gone = row_count;
    delete from ledger.alerts as a where a.resolved_at < today - 400;
    delete from ledger.completed_calls as c where c.usage_date < today - 435;
    delete from ledger.pulls_told as t using ledger.pulls as p
    where t.pull_id = p.pull_id and (p.state <> 'published' or p.usage_date < today - 435);
    return gone;
end
$$;
COMMENT ON FUNCTION ledger.forget_outgoing(today date) IS 'Deletes events of more than 90 days ago that wait for nobody; returns how many.';

CREATE FUNCTION ledger.forget_personal_data(of_tenant text, before_date date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET lock_timeout TO '10min'
    AS $_$
declare
    raw record;
    gone bigint;
    forgotten bigint := 0;
    by_source jsonb := '{}';
    called record;
begin
    perform pg_catalog.pg_advisory_xact_lock_shared(7734, 0);
    for raw in
        select
            s.source as name,
            s.contract = 'calls' as is_of_calls,
            s.facts,
            pg_catalog.format('%I.%I', s.raw_schema, s.raw_table) as raw_table
        from control.sources as s
        order by s.source
    loop
        execute pg_catalog.format(
            'with gone as ('
            'update %s as r set payload = ledger.without_personal_data(r.payload, $3)'
            ' where r.usage_date < $2 and (r.tenant_id = $1%s)'
            ' and exists (select from pg_catalog.json_object_keys(r.payload) as part (key) where part.key <> all($3))'
            ' returning r.account, r.usage_date, %s as call_id)'
            ' select count(*) as rows, array_agg(account) as accounts, array_agg(usage_date) as dates,'
            ' array_agg(call_id) as calls from gone',
            raw.raw_table,
            case when raw.is_of_calls then
                ' or r.tenant_id is null and exists (select from marts.fct_calls as routed where routed.tenant_id = $1'
                ' and routed.source = $4 and routed.account = r.account and routed.usage_date = r.usage_date'
                ' and routed.call_id = r.call_id)'
            else '' end,
            case when raw.is_of_calls then 'r.call_id' else 'null::text' end
        ) into called using of_tenant, before_date, raw.facts, raw.name;
        gone := called.rows;
        if gone > 0 and raw.is_of_calls then
            perform ledger.forget_results(raw.name, called.accounts, called.dates, called.calls);
        end if;
        forgotten := forgotten + gone;
        by_source := by_source || pg_catalog.jsonb_build_object(raw.name, gone);
    end loop;
    gone := intake.forget_personal_data(of_tenant, before_date);
    forgotten := forgotten + gone;
    by_source := by_source || pg_catalog.jsonb_build_object('pushed', gone);
    gone := ledger.forget_automations_of(of_tenant, before_date);
    forgotten := forgotten + gone;
    by_source := by_source || pg_catalog.jsonb_build_object('automations', gone);
    if forgotten > 0 then
        insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
        values (
            coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'forget', 'raw',
            of_tenant, pg_catalog.jsonb_build_object('before', before_date, 'rows', by_source)
        );
    end if;
    return forgotten;
end
$_$;

CREATE FUNCTION ledger.forget_results(of_source text, of_accounts text[], of_dates date[], of_calls text[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
    derived text;
begin
    if pg_catalog.to_regclass('marts.fct_call_results') is null then
        return;
    end if;
    foreach derived in array array['marts.fct_call_results', 'marts.fct_call_texts'] loop
        execute pg_catalog.format(
            'delete from %s as d using unnest($2, $3, $4) as gone (account, usage_date, call_id)'
            ' where d.source = $1 and d.account = gone.account and d.usage_date = gone.usage_date and d.call_id = gone.call_id',
            derived
        ) using of_source, of_accounts, of_dates, of_calls;
    end loop;
    update marts.fct_pulls_built as b set results_key = null
    where
        b.source = of_source
        and (b.account, b.usage_date) in (select gone.account, gone.usage_date from unnest(of_accounts, of_dates) as gone (account, usage_date));
end
$_$;
COMMENT ON FUNCTION ledger.forget_results(of_source text, of_accounts text[], of_dates date[], of_calls text[]) IS 'Takes out of the marts what they hold of what was said in these calls.';

CREATE FUNCTION ledger.forget_results_of_rows(of_source text, raw_table text, row_ids tid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $_$
declare
    gone record;
begin
    if not exists (select from control.sources as s where s.source = of_source and s.contract = 'calls') then
        return;
    end if;
    perform pg_catalog.pg_advisory_xact_lock_shared(7734, 0);
    execute pg_catalog.format(
        'select array_agg(r.account) as accounts, array_agg(r.usage_date) as dates, array_agg(r.call_id) as calls'
        ' from %s as r where r.ctid = any($1)', raw_table
    ) into gone using row_ids;
    perform ledger.forget_results(of_source, gone.accounts, gone.dates, gone.calls);
end
$_$;
COMMENT ON FUNCTION ledger.forget_results_of_rows(of_source text, raw_table text, row_ids tid[]) IS 'The same for the calls of rows of raw, before these are changed.';

CREATE FUNCTION ledger.forget_threads(threads text[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    gone bigint;
begin
    delete from automations.checkpoint_writes where thread_id = any(threads);
    delete from automations.checkpoint_blobs where thread_id = any(threads);
    delete from automations.checkpoints where thread_id = any(threads);
    get diagnostics gone = row_count;
    update ledger.automation_runs set question = null, answer = null
    where thread_id = any(threads) and (question is not null or answer is not null);
    return gone;
end
$$;

CREATE FUNCTION ledger.guard_invoice_item() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    if tg_op <> 'UPDATE' then
        raise exception '%.% keeps every row', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
    end if;
    if (new.invoice_item_id, new.item_key, new.version, new.tenant_id, new.line_id, new.amount, new.currency,
        new.identifier)
        is distinct from
        (old.invoice_item_id, old.item_key, old.version, old.tenant_id, old.line_id, old.amount, old.currency,
        old.identifier)
        or old.state = 'lost'
        or (old.state = 'accepted' and (new.state <> 'lost' or new.stripe_id is distinct from old.stripe_id)) then
        raise exception 'an invoice item never changes what it says' using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

CREATE FUNCTION ledger.guard_posting() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    if tg_op <> 'UPDATE' then
        raise exception '%.% keeps every row', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
    end if;
    if (new.posting_id, new.tenant_id, new.meter_id, new.usage_date, new.version, new.value, new.stripe_customer_id,
        new.event_name, new.identifier, new.committed_at)
        is distinct from
        (old.posting_id, old.tenant_id, old.meter_id, old.usage_date, old.version, old.value, old.stripe_customer_id,
        old.event_name, old.identifier, old.committed_at) then
        raise exception 'a posting never changes what it says' using errcode = 'insufficient_privilege';
    end if;
    -- Stripe validates after it has answered, and a person may find an accepted value missing: only these go back.
    if new.state <> old.state and old.state <> 'pending'
        and not (old.state = 'accepted' and new.state in ('refused', 'lost')) then
        raise exception 'a posting that is % cannot become %', old.state, new.state
        using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

CREATE FUNCTION ledger.holds_current_results(of_pull ledger.pulls) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select
        of_pull.holds_results
        and exists (
            select from ledger.pulls as confirmed
            where confirmed.pull_id = of_pull.confirms_pull_id and confirmed.state = 'published'
        )
        and not exists (
            select from ledger.pulls as later
            where later.confirms_pull_id = of_pull.confirms_pull_id and later.holds_results and later.pull_id > of_pull.pull_id
        )
$$;
COMMENT ON FUNCTION ledger.holds_current_results(of_pull ledger.pulls) IS 'Whether the results of calls are read from this pull now.';

CREATE FUNCTION ledger.is_alive(attempt bigint) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $$
    select exists(
        select from pg_catalog.pg_locks as l
        where
            l.locktype = 'advisory' and l.granted
            and l.database = (
                select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()
            )
            and l.classid = 7733 and l.objid = attempt and l.objsubid = 2
    )
$$;
COMMENT ON FUNCTION ledger.is_alive(attempt bigint) IS 'True while the attempt''s process holds its session advisory lock (ledger.attempts).';

CREATE FUNCTION ledger.is_of_another_account(stripe_account text, is_live boolean) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO ''
    AS $_$
    select coalesce((
        select coalesce($1 <> a.account_id, false) or coalesce($2 <> a.is_live, false)
        from ledger.stripe_accounts as a
        order by a.adoption desc
        limit 1
    ), false)
$_$;
COMMENT ON FUNCTION ledger.is_of_another_account(stripe_account text, is_live boolean) IS 'Whether something is of another Stripe account or mode than the one that is adopted now.';

CREATE FUNCTION ledger.is_payload_without_more(standing json, cleaned json, facts text[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
    select
        standing::jsonb @> cleaned::jsonb
        and ledger.money_of_items(standing -> 'costs') is not distinct from ledger.money_of_items(cleaned -> 'costs')
        and not exists (
            select from pg_catalog.json_each(standing) as was
            left join pg_catalog.json_each(cleaned) as is_now on was.key = is_now.key
            where
                was.key = any(facts)
                and (
                    is_now.value is null
                    or (
                        pg_catalog.json_typeof(was.value) not in ('object', 'array')
                        and was.value::text <> is_now.value::text
                    )
                )
        )
$$;
COMMENT ON FUNCTION ledger.is_payload_without_more(standing json, cleaned json, facts text[]) IS 'Whether the second payload is the first one less members of objects, each fact and each cost item digit for digit.';

CREATE FUNCTION ledger.is_whole(p ledger.pulls) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select
        not p.is_incomplete
        or (
            p.lacks_only_quarantined
            and not exists (
                select from ledger.standing_quarantine as q where q.pull_id = coalesce(p.confirms_pull_id, p.pull_id)
            )
        )
$$;
COMMENT ON FUNCTION ledger.is_whole(p ledger.pulls) IS 'Whether nothing of a pull is still under way, and each row that was set aside is accepted.';

CREATE FUNCTION ledger.landed(of_pulls bigint[]) RETURNS TABLE(pull_id bigint, landed bigint, fitting bigint)
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $_$
declare
    raw record;
begin
    for raw in
        select distinct s.source, s.raw_schema, s.raw_table
        from ledger.pulls as p
        inner join control.sources as s on p.source = s.source
        where p.pull_id = any(of_pulls)
    loop
        return query execute pg_catalog.format(
            'select r.pull_id, count(*),'
            ' count(*) filter (where r.account = p.account and r.usage_date = p.usage_date'
            ' and r.tenant_id is not distinct from p.tenant_id)'
            ' from %I.%I as r inner join ledger.pulls as p on r.pull_id = p.pull_id and p.source = $2'
            ' where r.pull_id = any($1) group by r.pull_id',
            raw.raw_schema, raw.raw_table
        ) using of_pulls, raw.source;
    end loop;
end
$_$;
COMMENT ON FUNCTION ledger.landed(of_pulls bigint[]) IS 'Rows of these pulls that landed, and those of them that carry their pull''s own account, tenant and usage date.';

CREATE FUNCTION ledger.minimise_payloads(of_source text, row_ids tid[], minimised json[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    SET lock_timeout TO '10min'
    AS $_$
declare
    raw_table constant text := ledger.raw_table_of(of_source);
    facts constant text[] := (select s.facts from control.sources as s where s.source = of_source);
    wrong bigint;
    changed bigint;
begin
    execute pg_catalog.format(
        'select count(*) from unnest($1, $2) as wanted (row_id, payload)'
        ' inner join %s as r on r.ctid = wanted.row_id'
        ' where ledger.without_personal_data(wanted.payload, $3)::text'
        ' <> ledger.without_personal_data(r.payload, $3)::text', raw_table
    ) into wrong using row_ids, minimised, facts;
    if wrong > 0 then
        raise exception 'a fact of % would change: only what is personal may be taken out', of_source;
    end if;
    perform ledger.forget_results_of_rows(of_source, raw_table, row_ids);
    execute pg_catalog.format(
        'update %s as r set payload = wanted.payload'
        ' from unnest($1, $2) as wanted (row_id, payload) where r.ctid = wanted.row_id', raw_table
    ) using row_ids, minimised;
    get diagnostics changed = row_count;
    return changed;
end
$_$;

CREATE FUNCTION ledger.money_of_items(items json) RETURNS text
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
    select pg_catalog.json_agg(pg_catalog.json_build_array(i.item -> 'type', i.item -> 'cost') order by i.place)::text
    from pg_catalog.json_array_elements(case when pg_catalog.json_typeof(items) = 'array' then items end)
    with ordinality as i (item, place)
$$;
COMMENT ON FUNCTION ledger.money_of_items(items json) IS 'Kind and cost of each cost item, digit for digit, in order.';

CREATE FUNCTION ledger.purge_raw(closed_before timestamp with time zone, at_most integer) RETURNS TABLE(source text, pulls bigint, raw_rows bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    raw record;
    chosen bigint[];
    gone bigint;
begin
    if closed_before > pg_catalog.clock_timestamp() - interval '1 day' then
        raise exception 'rows of a pull are kept for a day at least' using errcode = 'invalid_parameter_value';
    end if;
    for raw in
        select s.source as name, s.bills, pg_catalog.format('%I.%I', s.raw_schema, s.raw_table) as raw_table
        from control.sources as s
        order by s.source
    loop
        select array(
            select p.pull_id from ledger.pulls as p
            where
                p.source = raw.name
                and p.state in ('superseded', 'failed', 'unchanged')
                and p.purged_at is null
                and (p.closed_at < closed_before or ledger.was_in_progress(p))
                and not ledger.holds_current_results(p)
                and not (p.state = 'superseded' and raw.bills and ledger.explains_a_frozen_line(p))
            order by p.closed_at
            limit 500
            for update skip locked
        ) into chosen;
        execute pg_catalog.format(
            'delete from %s where ctid = any(array(select ctid from %1$s where pull_id = any($1) limit $2))', raw.raw_table
        ) using chosen, at_most;
        get diagnostics gone = row_count;
        if gone < at_most then
            update ledger.pulls as p set purged_at = pg_catalog.clock_timestamp() where p.pull_id = any(chosen);
            pulls := pg_catalog.cardinality(chosen);
        else
            pulls := 0;
        end if;
        source := raw.name;
        raw_rows := gone;
        return next;
    end loop;
end
$_$;
COMMENT ON FUNCTION ledger.purge_raw(closed_before timestamp with time zone, at_most integer) IS 'Deletes at most so many raw rows of each source, of unread pulls closed before then; to be repeated until nothing is gone.';

CREATE FUNCTION ledger.raw_table_of(of_source text) RETURNS text
    LANGUAGE plpgsql STABLE
    SET search_path TO ''
    AS $$
declare
    found text;
begin
    select pg_catalog.format('%I.%I', s.raw_schema, s.raw_table) into found from control.sources as s where s.source = of_source;
    if found is null then
        raise exception 'there is no source %', of_source;
    end if;
    return found;
end
$$;
COMMENT ON FUNCTION ledger.raw_table_of(of_source text) IS 'Where the rows of a source stand, as SQL.';

CREATE FUNCTION ledger.record_audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    secrets constant text[] := '{ciphertext,wrapped_key,password_hash,token_hash,verifier_digest}';
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - secrets end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - secrets end;
begin
    insert into ledger.audit_log (actor, action, object_table, tenant_id, before, after)
    values (
        coalesce(nullif(current_setting('minutebook.actor', true), ''), session_user),
        lower(tg_op),
        tg_table_schema || '.' || tg_table_name,
        coalesce(new_row, old_row) ->> 'tenant_id',
        old_row,
        new_row
    );
    return null;
end
$$;

CREATE FUNCTION ledger.record_credential_use(used_credential_id bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    select
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user),
        'use',
        used.object_table,
        used.tenant_id,
        pg_catalog.jsonb_build_object(
            'credential_id', used.credential_id, 'provider', used.provider, 'fingerprint', used.fingerprint
        )
    from (
        select 'control.credentials' as object_table, credential_id, tenant_id, provider, fingerprint
        from control.credentials
        union all
        select 'control.credential_candidates', credential_id, tenant_id, provider, fingerprint
        from control.credential_candidates
    ) as used
    where used.credential_id = used_credential_id
$$;
COMMENT ON FUNCTION ledger.record_credential_use(used_credential_id bigint) IS 'Called whenever a secret is opened, before it is.';

CREATE FUNCTION ledger.record_recording_use(of_tenant text, of_source text, of_call text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    values (
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'listen', 'marts.fct_calls',
        of_tenant, pg_catalog.jsonb_build_object('source', of_source, 'call_id', of_call)
    )
$$;
COMMENT ON FUNCTION ledger.record_recording_use(of_tenant text, of_source text, of_call text) IS 'Called whenever a recording is asked for, before it is.';

CREATE FUNCTION ledger.record_search_of_all() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    insert into ledger.audit_log (actor, action, object_table)
    values (
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'search',
        'marts.fct_call_texts'
    )
$$;
COMMENT ON FUNCTION ledger.record_search_of_all() IS 'Called whenever words are searched in the calls of all tenants. Not which: the log outlives whom they may name.';

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    raise exception '%.% is insert only', tg_table_schema, tg_table_name using errcode = 'insufficient_privilege';
end
$$;

CREATE FUNCTION ledger.stamp_stripe_account() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO ''
    AS $$
begin
    select a.account_id, a.is_live into new.stripe_account, new.is_live
    from ledger.stripe_accounts as a
    order by a.adoption desc
    limit 1;
    return new;
end
$$;

CREATE FUNCTION ledger.stored_call(of_tenant text, of_source text, on_date date, of_call text) RETURNS json
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $_$
declare
    known record;
    stored json;
begin
    select c.account, c.pull_id into known
    from marts.fct_calls as c
    where c.tenant_id = of_tenant and c.usage_date = on_date and c.source = of_source and c.call_id = of_call
    order by c.pull_id desc
    limit 1;
    if known is null then
        return null;
    end if;
    insert into ledger.audit_log (actor, action, object_table, tenant_id, after)
    values (
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'read', 'raw', of_tenant,
        pg_catalog.jsonb_build_object('source', of_source, 'call_id', of_call)
    );
    execute pg_catalog.format(
        'select r.payload from %s as r inner join ledger.pulls as p on r.pull_id = p.pull_id'
        ' where p.source = $1 and p.account = $2 and p.usage_date = $3'
        ' and (p.pull_id = $4 or p.holds_results and p.confirms_pull_id = $4) and r.call_id = $5'
        ' order by r.pull_id desc limit 1',
        ledger.raw_table_of(of_source)
    ) into stored using of_source, known.account, on_date, known.pull_id, of_call;
    return stored;
end
$_$;
COMMENT ON FUNCTION ledger.stored_call(of_tenant text, of_source text, on_date date, of_call text) IS 'The JSON of a call of a tenant as it was last stored; who asked is in the audit log.';

CREATE FUNCTION ledger.tell(of_type text, of_tenant text, of_subject text, of_data jsonb, only_endpoint text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    number bigint;
begin
    if not exists (
        select from control.listening(of_type, of_tenant) as l
        where only_endpoint is null or l.endpoint_id = only_endpoint
    ) then
        return;
    end if;
    perform pg_catalog.pg_advisory_xact_lock(7743, pg_catalog.hashtext(of_subject));
    insert into ledger.outgoing_events (type, tenant_id, subject, data)
    values (of_type, of_tenant, of_subject, of_data)
    returning event_number into number;
    insert into ledger.deliveries (endpoint_id, event_number, tenant_id, subject)
    select l.endpoint_id, number, l.tenant_id, of_subject from control.listening(of_type, of_tenant) as l
    where only_endpoint is null or l.endpoint_id = only_endpoint;
end
$$;
COMMENT ON FUNCTION ledger.tell(of_type text, of_tenant text, of_subject text, of_data jsonb, only_endpoint text) IS 'Writes an event down for every endpoint that listens, or for one of them, in the transaction of the fact. data holds ids; see docs/events.md.';

CREATE FUNCTION ledger.tell_of_completed_calls(today date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    first_day date;
    chosen bigint[];
    told bigint;
begin
    select greatest(min((e.created_at at time zone 'UTC')::date), today - 400) into first_day
    from control.endpoints as e
    where e.revoked_at is null and 'call.completed' = any(e.event_types);
    if first_day is null then
        return 0;
    end if;
    with due as (
        insert into ledger.pulls_told as t (pull_id, build_key)
        select b.pull_id, b.build_key
        from marts.fct_pulls_built as b
        inner join control.sources as s on b.source = s.source and s.contract = 'calls'
        where b.usage_date >= first_day
        on conflict (pull_id) do update set build_key = excluded.build_key where t.build_key <> excluded.build_key
        returning t.pull_id
    )

    select pg_catalog.array_agg(due.pull_id) into chosen from due;
    with heard as materialized (
        select t.tenant_id, l.endpoint_id, l.tenant_id as endpoint_tenant_id, l.created_at
        from control.tenants as t
        cross join lateral control.listening('call.completed', t.tenant_id) as l
    ),

    since as (
        select h.tenant_id, min(h.created_at) as created_at from heard as h group by h.tenant_id
    ),

    fresh as materialized (
        select c.source, c.account, c.call_id, c.tenant_id, c.agent_id, c.usage_date, c.created_at
        from marts.fct_calls as c
        inner join since as s on c.tenant_id = s.tenant_id and c.created_at >= s.created_at
        where
            c.pull_id = any(chosen)
            and c.outcome not in ('in progress', 'scheduled')
    ),

    marked as (
        insert into ledger.completed_calls as m (source, account, call_id, tenant_id, usage_date)
        select f.source, f.account, f.call_id, f.tenant_id, f.usage_date from fresh as f
        on conflict do nothing
        returning m.source, m.account, m.call_id
    ),

    events as (
        insert into ledger.outgoing_events as o (type, tenant_id, subject, data)
        select
            'call.completed', f.tenant_id, pg_catalog.format('call/%s/%s/%s', f.account, f.source, f.call_id),
            pg_catalog.jsonb_build_object(
                'source', f.source, 'account', f.account, 'call_id', f.call_id, 'usage_date', f.usage_date, 'agent_id',
                f.agent_id
            )
        from fresh as f
        inner join marked as m on f.source = m.source and f.account = m.account and f.call_id = m.call_id
        order by f.created_at, f.call_id
        returning o.event_number, o.tenant_id, o.subject
    ),

    sent as (
        insert into ledger.deliveries (endpoint_id, event_number, tenant_id, subject)
        select h.endpoint_id, e.event_number, h.endpoint_tenant_id, e.subject
        from events as e
        inner join fresh as f on e.subject = pg_catalog.format('call/%s/%s/%s', f.account, f.source, f.call_id)
        inner join heard as h on e.tenant_id = h.tenant_id and f.created_at >= h.created_at
    )

    select count(*) into told from events;
    return told;
end
$$;
COMMENT ON FUNCTION ledger.tell_of_completed_calls(today date) IS 'Returns how many calls were told; to be called while nobody builds.';

CREATE FUNCTION ledger.tell_of_corrections() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    corrected record;
begin
    for corrected in
        select distinct
            a.tenant_id,
            a.period_start as carried_by,
            pg_catalog.split_part(a.corrects_line_id, '/', 2)::date as period_start
        from added as a
        where a.line_kind = 'adjustment' and a.corrects_line_id is not null
        order by a.tenant_id, period_start, carried_by
    loop
        perform ledger.tell(
            'statement.corrected', corrected.tenant_id,
            pg_catalog.format('statement/%s/%s', corrected.tenant_id, corrected.period_start),
            pg_catalog.jsonb_build_object('period_start', corrected.period_start, 'carried_by', corrected.carried_by)
        );
    end loop;
    return null;
end
$$;

CREATE FUNCTION ledger.tell_of_differences() RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    differing record;
    told bigint := 0;
begin
    delete from ledger.differences_told as d
    where not exists (
        select from marts.fct_reconciliation as r
        where
            r.tenant_id = d.tenant_id and r.meter_id = d.meter_id and r.usage_date = d.usage_date
            and not r.is_equal and r.finding not in ('settling', 'in flight', 'not posted')
    );
    for differing in
        insert into ledger.differences_told as d (tenant_id, meter_id, usage_date, finding, difference)
        select r.tenant_id, r.meter_id, r.usage_date, r.finding, r.difference
        from marts.fct_reconciliation as r
        where
            not r.is_equal
            and r.finding not in ('settling', 'in flight', 'not posted')
            and exists (select from control.listening('posting.differs', r.tenant_id))
        order by r.tenant_id, r.meter_id, r.usage_date
        on conflict (tenant_id, meter_id, usage_date) do update
        set finding = excluded.finding, difference = excluded.difference
        where (d.finding, d.difference) is distinct from (excluded.finding, excluded.difference)
        returning d.tenant_id, d.meter_id, d.usage_date, d.finding
    loop
        perform ledger.tell(
            'posting.differs', differing.tenant_id,
            pg_catalog.format('posting/%s/%s/%s', differing.tenant_id, differing.meter_id, differing.usage_date),
            pg_catalog.jsonb_build_object(
                'meter_id', differing.meter_id, 'usage_date', differing.usage_date, 'finding', differing.finding
            )
        );
        told := told + 1;
    end loop;
    return told;
end
$$;
COMMENT ON FUNCTION ledger.tell_of_differences() IS 'Returns how many differences were told; to be called while nobody builds.';

CREATE FUNCTION ledger.tell_of_period() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    perform ledger.tell(
        'statement.' || new.state, new.tenant_id, pg_catalog.format('statement/%s/%s', new.tenant_id, new.period_start),
        pg_catalog.jsonb_build_object(
            'period_start', new.period_start, 'period_end', new.period_end, 'manifest_hash', new.manifest_hash
        )
    );
    return null;
end
$$;

CREATE FUNCTION ledger.tell_of_pull() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
declare
    former ledger.pulls;
    of_day constant text := pg_catalog.format('day/%s/%s/%s', new.account, new.source, new.usage_date);
    about constant jsonb := pg_catalog.jsonb_build_object(
        'source', new.source, 'account', new.account, 'usage_date', new.usage_date, 'pull_id', new.pull_id
    );
begin
    select p.* into former from ledger.pulls as p
    where
        p.source = new.source and p.account = new.account and p.usage_date = new.usage_date
        and p.pull_id < new.pull_id
        and (new.state = 'failed' or p.state = 'superseded')
    order by p.pull_id desc
    limit 1;
    if new.state = 'failed' then
        if former.cause_code is distinct from new.cause_code then
            perform ledger.tell(
                'day.failed', new.tenant_id, of_day,
                about || pg_catalog.jsonb_build_object('cause_code', new.cause_code, 'is_permanent', new.is_permanent)
            );
        end if;
    elsif former.closed_at >= (new.usage_date + 1)::timestamp at time zone 'UTC' then
        perform ledger.tell(
            'day.restated', new.tenant_id, of_day,
            about || pg_catalog.jsonb_build_object('replaces_pull_id', former.pull_id)
        );
    end if;
    return null;
end
$$;

CREATE FUNCTION ledger.tell_of_quota() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO ''
    AS $$
begin
    perform ledger.tell(
        'quota.crossed', new.tenant_id,
        pg_catalog.format('quota/%s/%s/%s', new.tenant_id, new.period_start, new.quota),
        pg_catalog.jsonb_build_object(
            'period_start', new.period_start, 'quota', new.quota, 'threshold_percent', new.threshold
        )
    );
    return null;
end
$$;

CREATE FUNCTION ledger.waits_for(waiting integer) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select pg_catalog.string_agg(ledger.who_is(blocking.pid), '; ' order by blocking.pid)
    from pg_catalog.unnest(pg_catalog.pg_blocking_pids(waiting)) as blocking (pid)
$$;
COMMENT ON FUNCTION ledger.waits_for(waiting integer) IS 'Who holds the lock that a process of the server waits for, in words; null: none.';

CREATE FUNCTION ledger.was_in_progress(p ledger.pulls) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    select p.is_in_progress and exists (
        select from ledger.pulls as n
        where
            n.source = p.source
            and n.account = p.account
            and n.usage_date = p.usage_date
            and n.state = 'published'
            and not n.is_in_progress
    )
$$;
COMMENT ON FUNCTION ledger.was_in_progress(p ledger.pulls) IS 'Whether a pull read a day in progress that was read again when it was over: its rows go at once.';

CREATE FUNCTION ledger.who_is(of_process integer) RETURNS text
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO ''
    AS $$
    select pg_catalog.format(
        'login %s (process %s, %s, since %s UTC)', a.usename, a.pid, coalesce(nullif(a.application_name, ''), 'no name'),
        pg_catalog.to_char(coalesce(a.xact_start, a.backend_start) at time zone 'UTC', 'HH24:MI:SS')
    )
    from pg_catalog.pg_stat_activity as a
    where a.pid = of_process
$$;
COMMENT ON FUNCTION ledger.who_is(of_process integer) IS 'A process of the server in words: login, number, application, since when.';

CREATE FUNCTION ledger.without_personal_data(payload json, kept text[]) RETURNS json
    LANGUAGE sql IMMUTABLE
    SET search_path TO ''
    AS $$
    select coalesce(pg_catalog.json_object_agg(part.key, part.value order by part.place), '{}')
    from pg_catalog.json_each(payload) with ordinality as part (key, value, place)
    where part.key = any(kept)
$$;

CREATE FUNCTION marts.found_calls(asked tsquery, said text, of_tenant text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) RETURNS TABLE(tenant_id text, usage_date date, created_at timestamp with time zone, source text, call_id text)
    LANGUAGE plpgsql STABLE ROWS 50
    SET search_path TO ''
    SET plan_cache_mode TO 'force_custom_plan'
    AS $$
declare
    most constant int := least(at_most, 5000);
    found int := 0;
    more int;
    newest int;
begin
    -- The newest calls are read one by one; then, where they do not fill the page, all that the index of words gives. A word
    -- that many say fills it from the first few; of one that few say the index gives little. What the first reading found is
    -- the beginning of what the second finds.
    foreach newest in array array[most * case when of_tenant is null then 100 else 10 end, null] loop
        return query
        select t.tenant_id, t.usage_date, t.created_at, t.source, t.call_id
        from (
            select
                c.tenant_id, c.usage_date, c.created_at, c.source, c.call_id, c.agent_id, c.outcome, c.end_group,
                c.campaign_id, c.customer, c.connected_seconds, c.cost, c.language,
                case when newest is not null then c.words end as words
            from marts.fct_call_texts as c
            where
                -- Not by the index on the tenant where it is by the words: its calls may be many, and the word rare.
                (of_tenant is null or case when newest is null then c.tenant_id || '' else c.tenant_id end = of_tenant)
                and c.usage_date >= first_day
                and c.usage_date <= last_day
                and (
                    after_id is null
                    or (c.usage_date, c.created_at, c.call_id, c.source, c.tenant_id)
                    < (after_day, after_created, after_id, after_source, coalesce(after_tenant, c.tenant_id))
                )
                and (newest is not null or c.words @@ asked)
                -- What one language finds is no find in a text of another.
                and (
                    newest is not null
                    or of_tenant is not null
                    or c.words @@ pg_catalog.websearch_to_tsquery(c.language::pg_catalog.regconfig, said)
                )
            order by c.usage_date desc, c.created_at desc, c.call_id desc, c.source desc, c.tenant_id desc
            limit newest
        ) as t
        where
            (newest is null or t.words @@ asked)
            and (
                newest is null
                or of_tenant is not null
                or t.words @@ pg_catalog.websearch_to_tsquery(t.language::pg_catalog.regconfig, said)
            )
            and (agent is null or t.agent_id is not distinct from nullif(agent, no_agent))
            and (of_outcome is null or t.outcome = of_outcome)
            and (of_end is null or t.end_group = of_end)
            and (of_campaign is null or t.campaign_id = of_campaign)
            and (
                of_customer is null or pg_catalog.strpos(pg_catalog.lower(t.customer), pg_catalog.lower(of_customer)) > 0
            )
            and (of_at_least is null or t.connected_seconds >= of_at_least)
            and (of_at_most is null or t.connected_seconds <= of_at_most)
            and (of_cost_from is null or t.cost >= of_cost_from)
            and (of_cost_to is null or t.cost <= of_cost_to)
        order by t.usage_date desc, t.created_at desc, t.call_id desc, t.source desc, t.tenant_id desc
        limit most - found
        offset found;
        get diagnostics more = row_count;
        found := found + more;
        exit when found >= most;
    end loop;
end
$$;
COMMENT ON FUNCTION marts.found_calls(asked tsquery, said text, of_tenant text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) IS 'Calls in which these words were said, newest first, after a place in that list. For the functions below alone.';

CREATE FUNCTION marts.search_all_calls(languages text[], words text, first_day date, last_day date, at_most integer, of_outcome text, of_end text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) RETURNS TABLE(tenant_id text, usage_date date, created_at timestamp with time zone, source text, call_id text)
    LANGUAGE plpgsql SECURITY DEFINER ROWS 50
    SET search_path TO ''
    AS $$
declare
    said constant text := pg_catalog.left(words, 200);
    of_language text;
    in_language tsquery;
    asked tsquery;
begin
    perform ledger.record_search_of_all();
    foreach of_language in array languages loop
        in_language := pg_catalog.websearch_to_tsquery(of_language::pg_catalog.regconfig, said);
        if pg_catalog.numnode(in_language) > 0 then
            asked := coalesce(asked || in_language, in_language);
        end if;
    end loop;
    if asked is null then
        return;
    end if;
    return query select * from marts.found_calls(
        asked, said, null, first_day, last_day, at_most, null, null, of_outcome, of_end, null, of_customer, of_at_least,
        of_at_most, of_cost_from, of_cost_to, after_day, after_created, after_id, after_source, after_tenant
    );
end
$$;
COMMENT ON FUNCTION marts.search_all_calls(languages text[], words text, first_day date, last_day date, at_most integer, of_outcome text, of_end text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) IS 'Calls of all tenants in which these words were said, in any of these languages, newest first. For operators; the audit log says who did.';

CREATE FUNCTION marts.search_calls(words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, after_day date, after_created timestamp with time zone, after_id text, after_source text) RETURNS TABLE(usage_date date, created_at timestamp with time zone, source text, call_id text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
    SET search_path TO ''
    AS $$
begin
    return query select * from marts.search_calls_of(
        control.reading_tenant(), words, first_day, last_day, at_most, agent, no_agent, of_outcome, of_end, of_campaign,
        of_customer, of_at_least, of_at_most, null, null, after_day, after_created, after_id, after_source
    );
end
$$;
COMMENT ON FUNCTION marts.search_calls(words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, after_day date, after_created timestamp with time zone, after_id text, after_source text) IS 'The same of the tenant of the login that is connected, never by what a call cost; nothing for a login that is bound to none.';

CREATE FUNCTION marts.search_calls_of(of_tenant text, words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text) RETURNS TABLE(usage_date date, created_at timestamp with time zone, source text, call_id text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 50
    SET search_path TO ''
    AS $$
declare
    -- The one in which all texts of a tenant are read.
    of_language constant text := (
        select t.language from marts.fct_call_texts as t
        where t.tenant_id = of_tenant
        order by t.usage_date desc, t.call_id desc
        limit 1
    );
    said constant text := pg_catalog.left(words, 200);
    asked constant tsquery := pg_catalog.websearch_to_tsquery(of_language::pg_catalog.regconfig, said);
begin
    if of_language is null or asked is null or pg_catalog.numnode(asked) = 0 then
        return;
    end if;
    return query
    select f.usage_date, f.created_at, f.source, f.call_id
    from marts.found_calls(
        marts.words_of(of_tenant, asked), said, of_tenant, first_day, last_day, at_most,
        agent, no_agent, of_outcome, of_end, of_campaign, of_customer, of_at_least, of_at_most, of_cost_from,
        of_cost_to, after_day, after_created, after_id, after_source, null
    ) as f;
end
$$;
COMMENT ON FUNCTION marts.search_calls_of(of_tenant text, words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text) IS 'Calls of one tenant in which these words were said, newest first, after a place in that list. For operators.';

CREATE FUNCTION marts.words_of(of_tenant text, asked tsquery) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
    select
        pg_catalog.quote_literal('=' || of_tenant)::tsquery
        && pg_catalog.regexp_replace(
            asked::text, '''((?:[^'']|'''')*)''', '''' || pg_catalog.left(pg_catalog.md5(of_tenant), 8) || '=\1''', 'g'
        )::tsquery
$$;
COMMENT ON FUNCTION marts.words_of(of_tenant text, asked tsquery) IS 'What is asked, of words of this tenant alone.';

CREATE FUNCTION marts.words_of(of_tenant text, words tsvector) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path TO ''
    AS $$
    -- As text, to keep each word's places. No word holds a space.
    select (
        words::text || pg_catalog.replace(' ' || words::text, ' ''', ' ''' || pg_catalog.left(pg_catalog.md5(of_tenant), 8) || '=')
    )::tsvector || pg_catalog.array_to_tsvector(array['=' || of_tenant])
$$;
COMMENT ON FUNCTION marts.words_of(of_tenant text, words tsvector) IS 'Words as they are, as words of this tenant, and the tenant as one.';

CREATE TABLE automations.checkpoint_blobs (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    channel text NOT NULL,
    version text NOT NULL,
    type text NOT NULL,
    blob bytea
);
ALTER TABLE ONLY automations.checkpoint_blobs FORCE ROW LEVEL SECURITY;

CREATE TABLE automations.checkpoint_migrations (
    v integer NOT NULL
);

CREATE TABLE automations.checkpoint_writes (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    checkpoint_id text NOT NULL,
    task_id text NOT NULL,
    idx integer NOT NULL,
    channel text NOT NULL,
    type text,
    blob bytea NOT NULL,
    task_path text DEFAULT ''::text NOT NULL
);
ALTER TABLE ONLY automations.checkpoint_writes FORCE ROW LEVEL SECURITY;

CREATE TABLE automations.checkpoints (
    thread_id text NOT NULL,
    checkpoint_ns text DEFAULT ''::text NOT NULL,
    checkpoint_id text NOT NULL,
    parent_checkpoint_id text,
    type text,
    checkpoint jsonb NOT NULL,
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL
);
ALTER TABLE ONLY automations.checkpoints FORCE ROW LEVEL SECURITY;

CREATE TABLE control.agent_attachments (
    kind text NOT NULL,
    value text NOT NULL,
    valid_from date NOT NULL,
    tenant_id text,
    agent_id text,
    environment text,
    CONSTRAINT agent_attachments_check CHECK (((tenant_id IS NULL) = (agent_id IS NULL))),
    CONSTRAINT agent_attachments_environment_check CHECK ((environment <> ''::text)),
    CONSTRAINT agent_attachments_value_check CHECK ((value <> ''::text))
);
ALTER TABLE ONLY control.agent_attachments FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.agent_attachments IS 'Timeline per (kind, value): which agent a provider''s object belongs to from a day on; no agent means detached.';
COMMENT ON COLUMN control.agent_attachments.environment IS 'Of a kind that has several: the one that is read. Null: the first of the kind''s live ones.';

CREATE TABLE control.agents (
    agent_id text NOT NULL,
    tenant_id text NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT agents_agent_id_check CHECK ((agent_id ~ '^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$'::text)),
    CONSTRAINT agents_name_check CHECK ((name <> ''::text))
);
ALTER TABLE ONLY control.agents FORCE ROW LEVEL SECURITY;

CREATE TABLE control.allowances (
    plan_id text NOT NULL,
    meter_id text NOT NULL,
    valid_from date NOT NULL,
    quantity bigint NOT NULL,
    CONSTRAINT allowances_quantity_check CHECK ((quantity >= 0))
);

CREATE TABLE control.api_keys (
    key_id text NOT NULL,
    tenant_id text,
    scopes text[] NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_check CHECK ((expires_at > created_at)),
    CONSTRAINT api_keys_key_id_check CHECK ((key_id ~ '^[0-9A-Za-z]{8}$'::text)),
    CONSTRAINT api_keys_scopes_check CHECK (((cardinality(scopes) > 0) AND (scopes <@ '{events,backfill}'::text[]))),
    CONSTRAINT api_keys_token_hash_check CHECK ((octet_length(token_hash) = 32))
);
ALTER TABLE ONLY control.api_keys FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.api_keys IS 'Keys by which usage is pushed. key_id is shown; of the whole key only its SHA-256 is kept: 256 random bits need no slow hash.';
COMMENT ON COLUMN control.api_keys.tenant_id IS 'Whose events it pushes; null: a key of the platform, whose events name their tenant.';

CREATE TABLE control.brands (
    brand_id bigint NOT NULL,
    tenant_id text,
    name text NOT NULL,
    accent text DEFAULT '#1f5f66'::text NOT NULL,
    logo bytea,
    logo_kind text,
    address text DEFAULT ''::text NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    number_prefix text DEFAULT ''::text NOT NULL,
    is_tax_invoice boolean DEFAULT false NOT NULL,
    host text,
    mail_from text,
    CONSTRAINT brands_accent_check CHECK ((accent ~ '^#[0-9a-f]{6}$'::text)),
    CONSTRAINT brands_address_check CHECK ((length(address) <= 500)),
    CONSTRAINT brands_check CHECK (((logo IS NULL) = (logo_kind IS NULL))),
    CONSTRAINT brands_host_check CHECK ((host ~ '^[a-z0-9][a-z0-9.-]{0,252}$'::text)),
    CONSTRAINT brands_logo_check CHECK ((length(logo) <= 65536)),
    CONSTRAINT brands_logo_kind_check CHECK ((logo_kind = ANY (ARRAY['png'::text, 'svg'::text]))),
    CONSTRAINT brands_mail_from_check CHECK (((mail_from <> ''::text) AND (length(mail_from) <= 320))),
    CONSTRAINT brands_name_check CHECK (((name <> ''::text) AND (length(name) <= 120))),
    CONSTRAINT brands_note_check CHECK ((length(note) <= 500)),
    CONSTRAINT brands_number_prefix_check CHECK ((number_prefix ~ '^[A-Za-z0-9-]{0,20}$'::text))
);
ALTER TABLE ONLY control.brands FORCE ROW LEVEL SECURITY;
COMMENT ON COLUMN control.brands.accent IS 'A colour that white text is read on; the command line measures it.';
COMMENT ON COLUMN control.brands.is_tax_invoice IS 'Whether what is handed out is a tax invoice; otherwise it says that it is none.';
COMMENT ON COLUMN control.brands.host IS 'The name at which its people reach the pages, without a port: who signs in there sees it.';
COMMENT ON COLUMN control.brands.mail_from IS 'In whose name its people are sent mail; null: in the deployment''s.';
ALTER TABLE control.brands ALTER COLUMN brand_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME control.brands_brand_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE control.call_outputs (
    tenant_id text NOT NULL,
    output_id text NOT NULL,
    meaning text NOT NULL,
    CONSTRAINT call_outputs_meaning_check CHECK ((meaning = ANY (ARRAY['rating'::text, 'sentiment'::text, 'categories'::text]))),
    CONSTRAINT call_outputs_output_id_check CHECK ((output_id <> ''::text))
);
ALTER TABLE ONLY control.call_outputs FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.call_outputs IS 'What a structured output of a tenant''s calls means, by the provider''s id of it, never by its name.';

CREATE TABLE control.call_rubrics (
    tenant_id text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    rubric text NOT NULL,
    success_from numeric,
    CONSTRAINT call_rubrics_check CHECK (((rubric = 'pass_fail'::text) = (success_from IS NULL))),
    CONSTRAINT call_rubrics_rubric_check CHECK ((rubric = ANY (ARRAY['pass_fail'::text, 'numeric'::text, 'percentage'::text, 'likert'::text, 'descriptive'::text]))),
    CONSTRAINT call_rubrics_value_check CHECK ((value <> ''::text))
);
ALTER TABLE ONLY control.call_rubrics FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.call_rubrics IS 'By which words the evaluation of calls of a scope, such as an assistant, is read as success or failure.';
COMMENT ON COLUMN control.call_rubrics.success_from IS 'The least that is a success: a number; for likert 1 (strongly disagree) to 5, for descriptive 1 (poor) to 4 (excellent).';

CREATE TABLE control.cost_coverage (
    source text NOT NULL,
    tenant_id text,
    agent_id text,
    component text NOT NULL,
    valid_from date NOT NULL,
    cost_source text,
    is_own boolean DEFAULT false NOT NULL,
    CONSTRAINT cost_coverage_check CHECK (((agent_id IS NULL) OR (tenant_id IS NOT NULL))),
    CONSTRAINT cost_coverage_check1 CHECK (((NOT is_own) OR ((tenant_id IS NOT NULL) AND (cost_source IS NOT NULL)))),
    CONSTRAINT cost_coverage_component_check CHECK ((component <> ''::text))
);
ALTER TABLE ONLY control.cost_coverage FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.cost_coverage IS 'Timeline per source of calls, tenant, agent and component: which source of costs has it on its bill; none ends it. No tenant: all calls of the platform''s account.';
COMMENT ON COLUMN control.cost_coverage.is_own IS 'The bill is of the tenant''s own account, and else of the platform''s.';

CREATE TABLE control.credential_candidates (
    credential_id bigint NOT NULL,
    tenant_id text,
    provider text NOT NULL,
    data_key_id bigint NOT NULL,
    ciphertext bytea NOT NULL,
    fingerprint text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY control.credential_candidates FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.credential_candidates IS 'credential_id is the id it will have: the ciphertext is bound to it.';

CREATE TABLE control.credentials (
    credential_id bigint NOT NULL,
    tenant_id text,
    provider text NOT NULL,
    data_key_id bigint NOT NULL,
    ciphertext bytea NOT NULL,
    fingerprint text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    used_from date DEFAULT '2000-01-01'::date NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    verified_at timestamp with time zone,
    retired_at timestamp with time zone,
    CONSTRAINT credentials_settings_check CHECK ((jsonb_typeof(settings) = 'object'::text))
);
ALTER TABLE ONLY control.credentials FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.credentials IS 'tenant_id is null for a platform-wide credential. used_from: usage dates from which a tenant''s own account decides.';
COMMENT ON COLUMN control.credentials.fingerprint IS 'Keyed hash, shortened: tells two secrets apart, tells nothing about either.';
ALTER TABLE control.credentials ALTER COLUMN credential_id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME control.credentials_credential_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE control.credit_voids (
    credit_id bigint NOT NULL,
    tenant_id text NOT NULL,
    taken_back numeric NOT NULL,
    kept_by date[] NOT NULL,
    reason text NOT NULL,
    voided_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credit_voids_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT credit_voids_taken_back_check CHECK ((taken_back > (0)::numeric))
);
ALTER TABLE ONLY control.credit_voids FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.credit_voids IS 'What was left of a credit when it was taken back; what statements had used by then they keep, reopened or not.';
COMMENT ON COLUMN control.credit_voids.kept_by IS 'The first days of the periods whose statements had used it by then: no other ever does.';

CREATE TABLE control.credits (
    credit_id bigint NOT NULL,
    tenant_id text NOT NULL,
    amount numeric NOT NULL,
    valid_from date NOT NULL,
    expires_on date,
    reason text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT credits_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT credits_check CHECK ((expires_on > valid_from)),
    CONSTRAINT credits_reason_check CHECK ((reason <> ''::text))
);
ALTER TABLE ONLY control.credits FORCE ROW LEVEL SECURITY;
ALTER TABLE control.credits ALTER COLUMN credit_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME control.credits_credit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE control.data_keys (
    data_key_id bigint NOT NULL,
    tenant_id text,
    master_key_id text NOT NULL,
    wrapped_key bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY control.data_keys FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.data_keys IS 'tenant_id is null for the platform''s own key.';
ALTER TABLE control.data_keys ALTER COLUMN data_key_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME control.data_keys_data_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE control.database_logins (
    login name NOT NULL,
    role text NOT NULL,
    tenant_id text,
    granted_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    verifier_digest bytea,
    CONSTRAINT database_logins_check CHECK (((role = 'tenant'::text) = (tenant_id IS NOT NULL))),
    CONSTRAINT database_logins_role_check CHECK ((role = ANY (ARRAY['loader'::text, 'transformer'::text, 'billing'::text, 'operator'::text, 'analyst'::text, 'tenant'::text, 'server'::text, 'intake'::text, 'automations'::text])))
);
ALTER TABLE ONLY control.database_logins FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.database_logins IS 'Logins of PostgreSQL that `minutebook access grant` made, for people, tools and tenants. No password: PostgreSQL keeps its SCRAM verifier.';
COMMENT ON COLUMN control.database_logins.verifier_digest IS 'SHA-256 of the verifier that the login was given: PostgreSQL lets it change its own password, which is noticed by this.';

CREATE TABLE control.devices (
    device_hash bytea NOT NULL,
    login_id text NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE control.devices IS 'Browsers that signed in as a login: wrong passwords typed elsewhere never make them wait. The hash of a cookie.';

CREATE TABLE control.exchange_rates (
    from_currency text NOT NULL,
    to_currency text NOT NULL,
    valid_from date NOT NULL,
    rate numeric NOT NULL,
    CONSTRAINT exchange_rates_from_currency_check CHECK ((from_currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT exchange_rates_rate_check CHECK ((rate > (0)::numeric)),
    CONSTRAINT exchange_rates_to_currency_check CHECK ((to_currency ~ '^[A-Z]{3}$'::text))
);

CREATE TABLE control.fixed_costs (
    fixed_cost_id text NOT NULL,
    valid_from date NOT NULL,
    name text NOT NULL,
    monthly_amount numeric NOT NULL,
    currency text NOT NULL,
    allocation text DEFAULT 'equal'::text NOT NULL,
    CONSTRAINT fixed_costs_allocation_check CHECK ((allocation = ANY (ARRAY['equal'::text, 'by_revenue'::text, 'by_usage'::text]))),
    CONSTRAINT fixed_costs_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT fixed_costs_fixed_cost_id_check CHECK ((fixed_cost_id ~ '^[a-z0-9-]+$'::text)),
    CONSTRAINT fixed_costs_monthly_amount_check CHECK ((monthly_amount >= (0)::numeric)),
    CONSTRAINT fixed_costs_name_check CHECK ((name <> ''::text))
);
COMMENT ON TABLE control.fixed_costs IS 'Shared by the tenants active on each day; an amount of 0 ends it.';

CREATE TABLE control.hooks (
    hook_id text NOT NULL,
    provider text NOT NULL,
    tenant_id text,
    method text NOT NULL,
    settings jsonb DEFAULT '{}'::jsonb NOT NULL,
    data_key_id bigint NOT NULL,
    ciphertext bytea NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT hooks_hook_id_check CHECK ((hook_id ~ '^[0-9a-f]{32}$'::text)),
    CONSTRAINT hooks_method_check CHECK ((method = ANY (ARRAY['bearer'::text, 'hmac'::text, 'address'::text]))),
    CONSTRAINT hooks_settings_check CHECK ((jsonb_typeof(settings) = 'object'::text))
);
ALTER TABLE ONLY control.hooks FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.hooks IS 'Addresses to which providers report rows of one account: 128 random bits. tenant_id null: the platform''s account. The secret that proves a delivery is sealed as credentials are.';

CREATE TABLE control.login_links (
    login_id text NOT NULL,
    token_hash bytea NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE control.login_links IS 'A link that sets a login''s password once: an invitation, or a reset. The hash of its token; the newest replaces the former.';

CREATE TABLE control.login_passwords (
    login_id text NOT NULL,
    password_hash text NOT NULL
);
COMMENT ON TABLE control.login_passwords IS 'Argon2id with its salt and parameters, as argon2-cffi writes them.';

CREATE TABLE control.logins (
    login_id text NOT NULL,
    role text NOT NULL,
    tenant_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    password_set_at timestamp with time zone,
    disabled_at timestamp with time zone,
    second_factor_at timestamp with time zone,
    recovery_codes_left integer DEFAULT 0 NOT NULL,
    CONSTRAINT logins_check CHECK (((role = 'tenant'::text) = (tenant_id IS NOT NULL))),
    CONSTRAINT logins_login_id_check CHECK ((login_id ~ '^[a-z0-9][a-z0-9@._+-]{0,253}$'::text)),
    CONSTRAINT logins_role_check CHECK ((role = ANY (ARRAY['operator'::text, 'finance'::text, 'tenant'::text])))
);
ALTER TABLE ONLY control.logins FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.logins IS 'One row per person who may sign in. operator and finance see all tenants; a tenant''s login sees its tenant only.';

CREATE TABLE control.meters (
    meter_id text NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    source text NOT NULL,
    increment_seconds integer,
    minimum_seconds integer,
    item text,
    attribute_filter jsonb DEFAULT '{}'::jsonb NOT NULL,
    aggregation text DEFAULT 'sum'::text NOT NULL,
    stripe_event_name text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    only_account text,
    CONSTRAINT meters_aggregation_check CHECK ((aggregation = ANY (ARRAY['sum'::text, 'count'::text]))),
    CONSTRAINT meters_attribute_filter_check CHECK ((jsonb_typeof(attribute_filter) = 'object'::text)),
    CONSTRAINT meters_check CHECK (((increment_seconds IS NULL) = (minimum_seconds IS NULL))),
    CONSTRAINT meters_check1 CHECK (((item IS NULL) OR (increment_seconds IS NULL))),
    CONSTRAINT meters_check2 CHECK (((item IS NOT NULL) OR ((attribute_filter = '{}'::jsonb) AND ((increment_seconds IS NULL) = (aggregation = 'count'::text))))),
    CONSTRAINT meters_increment_seconds_check CHECK ((increment_seconds > 0)),
    CONSTRAINT meters_item_check CHECK ((item <> ''::text)),
    CONSTRAINT meters_meter_id_check CHECK ((meter_id ~ '^[a-z0-9_]+$'::text)),
    CONSTRAINT meters_minimum_seconds_check CHECK ((minimum_seconds >= 0)),
    CONSTRAINT meters_name_check CHECK ((name <> ''::text)),
    CONSTRAINT meters_unit_check CHECK ((unit <> ''::text))
);
COMMENT ON TABLE control.meters IS 'What is counted of a source: of calls, started increments of connected seconds, or connected calls; of usage, an item''s quantities or rows.';
COMMENT ON COLUMN control.meters.item IS 'Of usage: the item in the provider''s words. Null: calls.';
COMMENT ON COLUMN control.meters.attribute_filter IS 'Of usage: attribute to the list of values that are counted; the empty text is a row without it. {}: all rows.';
COMMENT ON COLUMN control.meters.aggregation IS 'sum: quantities, of calls their time. count: rows, of calls the connected ones.';
COMMENT ON COLUMN control.meters.only_account IS 'A voice meter counts calls of this account only; null: of all.';

CREATE TABLE control.payment_fees (
    currency text NOT NULL,
    valid_from date NOT NULL,
    percent numeric NOT NULL,
    fixed_amount numeric NOT NULL,
    CONSTRAINT payment_fees_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT payment_fees_fixed_amount_check CHECK ((fixed_amount >= (0)::numeric)),
    CONSTRAINT payment_fees_percent_check CHECK (((percent >= (0)::numeric) AND (percent < (100)::numeric)))
);
COMMENT ON TABLE control.payment_fees IS 'Timeline per currency. A statement above zero costs percent of its total and the fixed amount, in its own currency; 0 and 0 ends it. It is a cost we estimate, never a line of the tenant''s.';

CREATE TABLE control.personal_choices (
    tenant_id text NOT NULL,
    phone_numbers text DEFAULT 'kept'::text NOT NULL,
    transcripts text DEFAULT 'never'::text NOT NULL,
    recordings text DEFAULT 'never'::text NOT NULL,
    chosen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT personal_choices_phone_numbers_check CHECK ((phone_numbers = ANY (ARRAY['kept'::text, 'redacted'::text, 'never'::text]))),
    CONSTRAINT personal_choices_recordings_check CHECK ((recordings = ANY (ARRAY['kept'::text, 'redacted'::text, 'never'::text]))),
    CONSTRAINT personal_choices_transcripts_check CHECK ((transcripts = ANY (ARRAY['kept'::text, 'redacted'::text, 'never'::text])))
);
ALTER TABLE ONLY control.personal_choices FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.personal_choices IS 'A tenant without a row has the defaults. phone_numbers: who was on the line, by number, name or address.';

CREATE TABLE control.plan_terms (
    plan_id text NOT NULL,
    valid_from date NOT NULL,
    subscription_fee numeric NOT NULL,
    setup_fee numeric DEFAULT 0 NOT NULL,
    minimum_amount numeric DEFAULT 0 NOT NULL,
    prorates_allowance boolean DEFAULT false NOT NULL,
    voice_meter_id text,
    gives_credit_notes boolean DEFAULT false NOT NULL,
    CONSTRAINT plan_terms_minimum_amount_check CHECK ((minimum_amount >= (0)::numeric)),
    CONSTRAINT plan_terms_setup_fee_check CHECK ((setup_fee >= (0)::numeric)),
    CONSTRAINT plan_terms_subscription_fee_check CHECK ((subscription_fee >= (0)::numeric))
);
COMMENT ON COLUMN control.plan_terms.gives_credit_notes IS 'A correction in the tenant''s favour of a period that these terms bill is a credit note of its invoice, if that is paid.';

CREATE TABLE control.plans (
    plan_id text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    events_per_minute integer DEFAULT 60000 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT plans_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT plans_events_per_minute_check CHECK (((events_per_minute >= 60) AND (events_per_minute <= 10000000))),
    CONSTRAINT plans_name_check CHECK ((name <> ''::text)),
    CONSTRAINT plans_plan_id_check CHECK ((plan_id ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'::text))
);
COMMENT ON COLUMN control.plans.events_per_minute IS 'How many events a tenant on it may push a minute, and at once.';

CREATE TABLE control.prices (
    price_id bigint NOT NULL,
    plan_id text,
    tenant_id text,
    meter_id text NOT NULL,
    valid_from date NOT NULL,
    model text NOT NULL,
    unit_amount numeric,
    package_size bigint,
    tiers jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT prices_check CHECK ((num_nonnulls(plan_id, tenant_id) = 1)),
    CONSTRAINT prices_check1 CHECK (((model <> 'plan'::text) OR (tenant_id IS NOT NULL))),
    CONSTRAINT prices_check2 CHECK (((model = ANY (ARRAY['per_unit'::text, 'package'::text])) = (unit_amount IS NOT NULL))),
    CONSTRAINT prices_check3 CHECK (((model = 'package'::text) = (package_size IS NOT NULL))),
    CONSTRAINT prices_check4 CHECK (((model = ANY (ARRAY['graduated'::text, 'volume'::text])) = (tiers IS NOT NULL))),
    CONSTRAINT prices_model_check CHECK ((model = ANY (ARRAY['per_unit'::text, 'package'::text, 'graduated'::text, 'volume'::text, 'plan'::text]))),
    CONSTRAINT prices_package_size_check CHECK ((package_size > 0)),
    CONSTRAINT prices_unit_amount_check CHECK ((unit_amount >= (0)::numeric))
);
ALTER TABLE ONLY control.prices FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.prices IS 'Timeline per plan or tenant and meter. A tenant''s own price wins over the plan''s; its model "plan" ends it. unit_amount is per unit, or per package; tiers is [{"up_to": n or null, "unit_amount": "0.10"}, …], up_to inclusive, counted from the first unit of overage. The currency is the plan''s or the tenant''s.';
ALTER TABLE control.prices ALTER COLUMN price_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME control.prices_price_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE control.provider_unit_costs (
    provider text NOT NULL,
    unit text NOT NULL,
    valid_from date NOT NULL,
    unit_cost numeric NOT NULL,
    currency text NOT NULL,
    CONSTRAINT provider_unit_costs_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT provider_unit_costs_provider_check CHECK ((provider <> ''::text)),
    CONSTRAINT provider_unit_costs_unit_check CHECK ((unit <> ''::text)),
    CONSTRAINT provider_unit_costs_unit_cost_check CHECK ((unit_cost >= (0)::numeric))
);
COMMENT ON TABLE control.provider_unit_costs IS 'What a unit that a provider''s bill counts without naming money costs us: a credit, a minute not rated yet. It is estimated.';

CREATE TABLE control.recovery_codes (
    login_id text NOT NULL,
    code_hash bytea NOT NULL
);
COMMENT ON TABLE control.recovery_codes IS 'Each signs in once in place of a one-time code; a used one is deleted.';

CREATE TABLE control.retention_periods (
    tenant_id text NOT NULL,
    personal_days integer NOT NULL,
    CONSTRAINT retention_periods_personal_days_check CHECK ((personal_days > 0))
);
ALTER TABLE ONLY control.retention_periods FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.retention_periods IS 'Days after its usage date that personal data of a tenant''s usage is kept; without a row it is kept until it is erased.';

CREATE TABLE control.review_rules (
    is_only_row boolean DEFAULT true NOT NULL,
    moved_share numeric DEFAULT 0.5 NOT NULL,
    CONSTRAINT review_rules_is_only_row_check CHECK (is_only_row),
    CONSTRAINT review_rules_moved_share_check CHECK ((moved_share > (0)::numeric))
);
COMMENT ON COLUMN control.review_rules.moved_share IS 'A statement whose recurring amount moved by more than this share of the former one blocks approval until a person says why.';

CREATE TABLE control.revision (
    is_only_row boolean DEFAULT true NOT NULL,
    revision bigint DEFAULT 0 NOT NULL,
    besides_periods bigint DEFAULT 0 NOT NULL,
    CONSTRAINT revision_is_only_row_check CHECK (is_only_row)
);

CREATE TABLE control.scope_kinds (
    kind text NOT NULL,
    provider text,
    rank integer NOT NULL,
    is_of_one_row boolean NOT NULL,
    live_environments text[] DEFAULT '{}'::text[] NOT NULL
);
COMMENT ON TABLE control.scope_kinds IS 'By which ids rows find their tenant; of one row, the kind with the lowest rank that is attached on its day decides.';
COMMENT ON COLUMN control.scope_kinds.is_of_one_row IS 'A row''s own id, attached by hand for the one day of the row.';
COMMENT ON COLUMN control.scope_kinds.live_environments IS 'It holds several environments, of which a scope names one: any but these is a test as a whole. Empty: it has none.';

CREATE VIEW control.scopes WITH (security_invoker='true') AS
 SELECT a.kind,
    a.value,
    COALESCE(a.environment, k.live_environments[1]) AS environment,
    a.tenant_id,
    a.agent_id,
    a.valid_from,
        CASE
            WHEN k.is_of_one_row THEN (a.valid_from + 1)
            ELSE lead(a.valid_from) OVER (PARTITION BY a.kind, a.value ORDER BY a.valid_from)
        END AS valid_to
   FROM (control.agent_attachments a
     JOIN control.scope_kinds k ON ((a.kind = k.kind)));
COMMENT ON VIEW control.scopes IS 'Ids of providers that belong to a tenant and its agent in [valid_from, valid_to), null for good; no tenant means detached.';

CREATE TABLE control.search_languages (
    tenant_id text NOT NULL,
    language text NOT NULL,
    CONSTRAINT search_languages_language_check CHECK ((language = ANY (ARRAY['arabic'::text, 'armenian'::text, 'basque'::text, 'catalan'::text, 'danish'::text, 'dutch'::text, 'english'::text, 'finnish'::text, 'french'::text, 'german'::text, 'greek'::text, 'hindi'::text, 'hungarian'::text, 'indonesian'::text, 'irish'::text, 'italian'::text, 'lithuanian'::text, 'nepali'::text, 'norwegian'::text, 'portuguese'::text, 'romanian'::text, 'russian'::text, 'serbian'::text, 'spanish'::text, 'swedish'::text, 'tamil'::text, 'turkish'::text, 'yiddish'::text])))
);
ALTER TABLE ONLY control.search_languages FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.search_languages IS 'In which language words that were said in a tenant''s calls are searched, so that other forms of a word are found too. Without a row: as written.';

CREATE TABLE control.second_factors (
    login_id text NOT NULL,
    data_key_id bigint NOT NULL,
    ciphertext bytea NOT NULL,
    proposed_in bytea NOT NULL,
    last_step bigint DEFAULT 0 NOT NULL,
    confirmed_at timestamp with time zone
);
COMMENT ON TABLE control.second_factors IS 'The secret of an authenticator, sealed in the vault. last_step: of the newest code taken, so that none is taken twice.';
COMMENT ON COLUMN control.second_factors.proposed_in IS 'The session that was shown the secret, as it is kept; until a code confirms it, another session is shown another secret.';

CREATE TABLE control.sessions (
    token_hash bytea NOT NULL,
    login_id text NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    session_id uuid DEFAULT gen_random_uuid() NOT NULL,
    client text DEFAULT ''::text NOT NULL,
    browser text DEFAULT ''::text NOT NULL,
    second_factor_at timestamp with time zone
);
COMMENT ON COLUMN control.sessions.second_factor_at IS 'When a one-time code was given; until then a session of finance or an operator opens nothing.';

CREATE TABLE control.sources (
    source text NOT NULL,
    provider text NOT NULL,
    raw_schema text NOT NULL,
    raw_table text NOT NULL,
    contract text,
    bills boolean NOT NULL,
    needs_credential boolean NOT NULL,
    accounts text NOT NULL,
    enabled_by text[],
    scope_kinds text[] NOT NULL,
    facts text[] NOT NULL,
    components jsonb DEFAULT '{}'::jsonb NOT NULL,
    details_calls boolean DEFAULT false NOT NULL,
    horizon_days integer,
    look_back_days integer NOT NULL,
    cost_is_of_scope boolean NOT NULL,
    hook jsonb,
    digest text NOT NULL,
    registered_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT sources_accounts_check CHECK ((accounts = ANY (ARRAY['shared'::text, 'own'::text, 'pushed'::text]))),
    CONSTRAINT sources_components_check CHECK ((jsonb_typeof(components) = 'object'::text)),
    CONSTRAINT sources_contract_check CHECK ((contract = ANY (ARRAY['calls'::text, 'usage'::text, 'costs'::text]))),
    CONSTRAINT sources_enabled_by_check CHECK ((cardinality(enabled_by) = 2)),
    CONSTRAINT sources_hook_check CHECK ((hook ?& '{row_column,ended_column,cost_field}'::text[]))
);
COMMENT ON TABLE control.sources IS 'One row per source that is or was registered; written by install, from its declaration.';
COMMENT ON COLUMN control.sources.bills IS 'Whether a line of a statement can depend on it.';
COMMENT ON COLUMN control.sources.accounts IS 'shared: a tenant''s own account, or the platform''s by its scopes. own: always the tenant''s, while a scope is attached. pushed: the tenant''s, on the days of which something was pushed to us.';
COMMENT ON COLUMN control.sources.enabled_by IS 'Setting of its credential and the value without which it is not read.';
COMMENT ON COLUMN control.sources.facts IS 'Fields of a payload that no choice, no retention period and no cleaning touches.';
COMMENT ON COLUMN control.sources.components IS 'Of calls: each component of their cost and the service it is of, which the bill of another provider may cover.';
COMMENT ON COLUMN control.sources.details_calls IS 'Of costs: whether what single calls cost is among its rows.';
COMMENT ON COLUMN control.sources.cost_is_of_scope IS 'Of usage: what some rows say they cost covers all that their scope used that day. Else a cost is of its own row.';
COMMENT ON COLUMN control.sources.hook IS 'Where its provider tells us of single rows as they happen: the columns of the raw table that hold a row''s id and end, and the field of its payload that holds its cost; null where a report names no row and makes its day due alone.';

CREATE TABLE control.spend_limits (
    tenant_id text NOT NULL,
    valid_from date NOT NULL,
    amount numeric,
    CONSTRAINT spend_limits_amount_check CHECK ((amount > (0)::numeric))
);
ALTER TABLE ONLY control.spend_limits FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.spend_limits IS 'Timeline: what a tenant wants to be warned of, per period and in its currency. A null amount ends it; nothing is cut.';

CREATE TABLE control.tasks (
    task_id bigint NOT NULL,
    page text NOT NULL,
    steps jsonb NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamp with time zone DEFAULT now() NOT NULL,
    step integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    fault text,
    CONSTRAINT tasks_check CHECK (((fault IS NULL) OR (ended_at IS NOT NULL))),
    CONSTRAINT tasks_page_check CHECK ((page ~~ '/%'::text)),
    CONSTRAINT tasks_steps_check CHECK (((jsonb_typeof(steps) = 'array'::text) AND (steps <> '[]'::jsonb)))
);
COMMENT ON TABLE control.tasks IS 'Steps that a person asked for on a page and that a run of Dagster carries out one after the other, under that person''s name.';
COMMENT ON COLUMN control.tasks.step IS 'The step at work, counted from 0; where it failed, the one that did.';
COMMENT ON COLUMN control.tasks.fault IS 'Why it did not end well, in words; null while it is at work and where it did.';
ALTER TABLE control.tasks ALTER COLUMN task_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME control.tasks_task_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE control.tenant_plans (
    tenant_id text NOT NULL,
    valid_from date NOT NULL,
    plan_id text NOT NULL
);
ALTER TABLE ONLY control.tenant_plans FORCE ROW LEVEL SECURITY;

CREATE TABLE ledger.arrivals (
    arrival_id bigint NOT NULL,
    tenant_id text NOT NULL,
    source text NOT NULL,
    usage_date date NOT NULL,
    events bigint NOT NULL,
    content numeric NOT NULL,
    CONSTRAINT arrivals_content_check CHECK ((content > (0)::numeric)),
    CONSTRAINT arrivals_events_check CHECK ((events >= 0))
);
ALTER TABLE ONLY ledger.arrivals FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.arrivals IS 'What each transaction added to a tenant''s day of a source that is pushed: events, and the sum of their content hashes. A day that is replaced elsewhere has 0 events and a sum. Rows of one day may be folded to one at any time.';

CREATE VIEW control.tenant_sources WITH (security_invoker='true') AS
 WITH own AS (
         SELECT c.tenant_id,
            s.source,
            min(c.used_from) AS used_from
           FROM (control.credentials c
             JOIN control.sources s ON (((c.provider = s.provider) AND s.needs_credential)))
          WHERE ((c.tenant_id IS NOT NULL) AND (c.retired_at IS NULL) AND ((s.enabled_by IS NULL) OR ((c.settings ->> s.enabled_by[1]) = s.enabled_by[2])))
          GROUP BY c.tenant_id, s.source
        ), attached AS (
         SELECT a.tenant_id,
            s.source,
            s.accounts,
            (s.enabled_by IS NOT NULL) AS needs_setting,
            a.valid_from,
            a.valid_to
           FROM (control.scopes a
             JOIN control.sources s ON ((a.kind = ANY (s.scope_kinds))))
          WHERE (a.tenant_id IS NOT NULL)
        )
 SELECT o.tenant_id,
    o.source,
    o.tenant_id AS account,
    o.used_from AS valid_from,
    NULL::date AS valid_to
   FROM (own o
     JOIN control.sources s ON (((o.source = s.source) AND (s.accounts = 'shared'::text))))
UNION ALL
 SELECT a.tenant_id,
    a.source,
    'platform'::text AS account,
    a.valid_from,
    LEAST(a.valid_to, o.used_from) AS valid_to
   FROM (attached a
     LEFT JOIN own o ON (((a.tenant_id = o.tenant_id) AND (a.source = o.source))))
  WHERE ((a.accounts = 'shared'::text) AND (a.valid_from < COALESCE(o.used_from, 'infinity'::date)))
UNION ALL
 SELECT a.tenant_id,
    a.source,
    a.tenant_id AS account,
        CASE
            WHEN a.needs_setting THEN GREATEST(a.valid_from, o.used_from)
            ELSE a.valid_from
        END AS valid_from,
    a.valid_to
   FROM (attached a
     LEFT JOIN own o ON (((a.tenant_id = o.tenant_id) AND (a.source = o.source))))
  WHERE ((a.accounts = 'own'::text) AND ((NOT a.needs_setting) OR (o.used_from < COALESCE(a.valid_to, 'infinity'::date))))
UNION ALL
 SELECT p.tenant_id,
    p.source,
    p.tenant_id AS account,
    p.usage_date AS valid_from,
    (p.usage_date + 1) AS valid_to
   FROM ( SELECT DISTINCT r.tenant_id,
            r.source,
            r.usage_date
           FROM ledger.arrivals r) p;
COMMENT ON VIEW control.tenant_sources IS 'Half-open [valid_from, valid_to); several rows per tenant and source may overlap. account: whose credential reads it.';

CREATE TABLE control.tenant_statuses (
    tenant_id text NOT NULL,
    valid_from date NOT NULL,
    status text NOT NULL,
    CONSTRAINT tenant_statuses_status_check CHECK ((status = ANY (ARRAY['active'::text, 'paused'::text, 'closed'::text])))
);
ALTER TABLE ONLY control.tenant_statuses FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.tenant_statuses IS 'Timeline. The first active day is billed, the closing date is not. A closed tenant stays closed.';

CREATE TABLE control.tenants (
    tenant_id text NOT NULL,
    name text NOT NULL,
    currency text NOT NULL,
    anchor_day integer DEFAULT 1 NOT NULL,
    feature_flags jsonb DEFAULT '{}'::jsonb NOT NULL,
    stripe_customer_id text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    is_canary boolean DEFAULT false NOT NULL,
    shard text DEFAULT 'shared'::text NOT NULL,
    CONSTRAINT tenants_anchor_day_check CHECK (((anchor_day >= 1) AND (anchor_day <= 28))),
    CONSTRAINT tenants_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT tenants_feature_flags_check CHECK ((jsonb_typeof(feature_flags) = 'object'::text)),
    CONSTRAINT tenants_name_check CHECK ((name <> ''::text)),
    CONSTRAINT tenants_shard_check CHECK ((shard ~ '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$'::text)),
    CONSTRAINT tenants_tenant_id_check CHECK (((tenant_id ~ '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$'::text) AND (tenant_id <> 'platform'::text)))
);
ALTER TABLE ONLY control.tenants FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.tenants IS 'One row per tenant. tenant_id is an immutable slug and the Dagster partition key.';
COMMENT ON COLUMN control.tenants.is_canary IS 'The known-answer tenant. Built like any other, and left out of every mart but fct_canary_lines.';
COMMENT ON COLUMN control.tenants.shard IS 'Whose days one run reads together with it; tenants of `shared` are split by a stable hash.';

CREATE TABLE control.today_readings (
    tenant_id text NOT NULL,
    every interval NOT NULL,
    CONSTRAINT today_readings_every_check CHECK ((every = ANY (ARRAY['00:15:00'::interval, '01:00:00'::interval])))
);
ALTER TABLE ONLY control.today_readings FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE control.today_readings IS 'Tenants whose day in progress is read too, and how often; the night replaces it. Without a row a day is read once it is over.';

CREATE TABLE control.unit_costs (
    meter_id text NOT NULL,
    valid_from date NOT NULL,
    unit_cost numeric NOT NULL,
    currency text NOT NULL,
    is_rest boolean DEFAULT false NOT NULL,
    CONSTRAINT unit_costs_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT unit_costs_unit_cost_check CHECK ((unit_cost >= (0)::numeric))
);
COMMENT ON COLUMN control.unit_costs.is_rest IS 'Of a call of which a part is on another bill: what a unit of the rest of it costs. Else of a whole call, or of what is no call''s.';

CREATE UNLOGGED TABLE control.wrong_tries (
    key_hash bytea NOT NULL,
    failures integer NOT NULL,
    begun_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON TABLE control.wrong_tries IS 'Wrong passwords and codes of the last quarter of an hour, by a hash of who tried to be whom. A crash forgets them.';

CREATE TABLE intake.adoptions (
    source text NOT NULL,
    account text NOT NULL,
    row_id text NOT NULL COLLATE pg_catalog."C",
    tenant_id text,
    usage_date date NOT NULL,
    payload json NOT NULL,
    reason text NOT NULL,
    adopted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT adoptions_reason_check CHECK ((reason ~ '\S'::text))
);
ALTER TABLE ONLY intake.adoptions FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.adoptions IS 'Reported rows that a person adopted since their provider lists them no more: each is a row of every later pull of its day that does not list it. The audit log has who.';

CREATE TABLE intake.events (
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    usage_date date NOT NULL,
    event_number bigint NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    subject text,
    happened_at timestamp with time zone NOT NULL,
    root_id text,
    facts json NOT NULL,
    personal json,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
)
PARTITION BY RANGE (usage_date);
ALTER TABLE ONLY intake.events FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.events IS 'Append only. facts and personal are the members of data, digit for digit.';
COMMENT ON COLUMN intake.events.facts IS 'Members of data that no privacy choice touches: they make the usage, and stay as long as it does.';
COMMENT ON COLUMN intake.events.personal IS 'Members that may be personal, as the tenant chose them to be kept; null once forgotten.';

CREATE TABLE intake.events_of_other_months (
    tenant_id text CONSTRAINT events_tenant_id_not_null NOT NULL COLLATE pg_catalog."C",
    usage_date date CONSTRAINT events_usage_date_not_null NOT NULL,
    event_number bigint CONSTRAINT events_event_number_not_null NOT NULL,
    source text CONSTRAINT events_source_not_null NOT NULL,
    event_id text CONSTRAINT events_event_id_not_null NOT NULL,
    type text CONSTRAINT events_type_not_null NOT NULL,
    subject text,
    happened_at timestamp with time zone CONSTRAINT events_happened_at_not_null NOT NULL,
    root_id text,
    facts json CONSTRAINT events_facts_not_null NOT NULL,
    personal json,
    received_at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT events_received_at_not_null NOT NULL
);
ALTER TABLE ONLY intake.events_of_other_months FORCE ROW LEVEL SECURITY;

CREATE TABLE intake.hook_notices (
    hook_id text NOT NULL,
    code text NOT NULL,
    about text NOT NULL,
    first_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    last_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone,
    CONSTRAINT hook_notices_code_check CHECK ((code = ANY (ARRAY['awaits_answer'::text, 'unreadable_report'::text])))
);
ALTER TABLE ONLY intake.hook_notices FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.hook_notices IS 'What somebody has to know of what came: a message whose answer a call waits for, or a report that could not be read.';

CREATE UNLOGGED TABLE intake.hook_uses (
    hook_id text NOT NULL,
    heard_at timestamp with time zone,
    refused_at timestamp with time zone
);
COMMENT ON TABLE intake.hook_uses IS 'When a delivery of a hook was last taken, and refused as not the provider''s, to the minute. A crash forgets it.';

CREATE TABLE intake.identities (
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    event_number bigint NOT NULL,
    usage_date date NOT NULL,
    content_hash bytea NOT NULL,
    root_id text
);
ALTER TABLE ONLY intake.identities FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.identities IS 'Every event taken, once. Kept longer than any key may reach back, so that one purged could not be pushed again anyway.';
COMMENT ON COLUMN intake.identities.root_id IS 'Of an event that replaces another: the first of their line, whose place the last of the line takes.';
ALTER TABLE intake.identities ALTER COLUMN event_number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME intake.identities_event_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE intake.key_uses (
    key_id text NOT NULL,
    used_at timestamp with time zone NOT NULL
);
COMMENT ON TABLE intake.key_uses IS 'When a key was last used, to the minute. A crash forgets it.';

CREATE TABLE intake.refusals (
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    event_id text NOT NULL COLLATE pg_catalog."C",
    code text NOT NULL,
    detail text NOT NULL,
    refused_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE ONLY intake.refusals FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.refusals IS 'Why an event was refused last, for whoever asks after it; kept for some weeks.';

CREATE TABLE intake.replacements (
    tenant_id text NOT NULL COLLATE pg_catalog."C",
    source text NOT NULL COLLATE pg_catalog."C",
    root_id text NOT NULL COLLATE pg_catalog."C",
    event_number bigint NOT NULL,
    event_id text NOT NULL,
    usage_date date NOT NULL
);
ALTER TABLE ONLY intake.replacements FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.replacements IS 'Events that replace another; of one root the one with the highest number counts, and no other.';

CREATE TABLE intake.reports (
    report_id bigint NOT NULL,
    hook_id text NOT NULL,
    tenant_id text,
    source text NOT NULL,
    account text NOT NULL,
    row_id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    status text NOT NULL,
    usage_date date NOT NULL,
    ended_at timestamp with time zone,
    cost numeric,
    is_final boolean NOT NULL,
    is_gone boolean NOT NULL,
    content_hash bytea NOT NULL,
    payload json NOT NULL,
    received_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE ONLY intake.reports FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE intake.reports IS 'What a provider told us of a row, each thing once, on the day that the row was created. Append only. It enters no statement unless a person adopts it.';
COMMENT ON COLUMN intake.reports.is_final IS 'The row ended and must be listed. is_gone: its provider deleted it.';
COMMENT ON COLUMN intake.reports.payload IS 'The row as its source would list it, as far as it was told; without what is personal.';
ALTER TABLE intake.reports ALTER COLUMN report_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME intake.reports_report_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.acceptances (
    acceptance_id bigint NOT NULL,
    source text NOT NULL,
    account text NOT NULL,
    tenant_id text,
    usage_date date NOT NULL,
    doubt text NOT NULL,
    subject text NOT NULL,
    evidence text NOT NULL,
    reason text NOT NULL,
    seconds numeric,
    accepted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT acceptances_doubt_check CHECK ((doubt = ANY (ARRAY['quarantined'::text, 'rows_lost'::text, 'loss_unconfirmed'::text, 'totals_disagree'::text, 'costs_differ'::text, 'minutes_differ'::text, 'billed_elsewhere'::text]))),
    CONSTRAINT acceptances_reason_check CHECK ((reason <> ''::text)),
    CONSTRAINT acceptances_seconds_check CHECK ((seconds >= (0)::numeric))
);
ALTER TABLE ONLY ledger.acceptances FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.acceptances IS 'What a person accepted of an account-day: a row set aside, a total, rows that are gone, a call that contradicts itself; each as its evidence has it. Of several of one subject the last one holds.';
COMMENT ON COLUMN ledger.acceptances.seconds IS 'The length at which a call set aside is billed; null where it stays out of every sum.';
ALTER TABLE ledger.acceptances ALTER COLUMN acceptance_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.acceptances_acceptance_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.alerts (
    alert_id bigint NOT NULL,
    rule text NOT NULL,
    tenant_id text,
    subject text NOT NULL,
    level integer NOT NULL,
    title text NOT NULL,
    fix text NOT NULL,
    path text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT alerts_level_check CHECK ((level > 0)),
    CONSTRAINT alerts_path_check CHECK ((path ~~ '/%'::text)),
    CONSTRAINT alerts_rule_check CHECK ((rule <> ''::text)),
    CONSTRAINT alerts_title_check CHECK ((title <> ''::text))
);
ALTER TABLE ONLY ledger.alerts FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.alerts IS 'What is wrong, or was: one row per rule and subject from when it was first seen until it was gone, however often it is looked at.';
COMMENT ON COLUMN ledger.alerts.level IS 'The highest it had; it is said again only when it rises.';
COMMENT ON COLUMN ledger.alerts.title IS 'In words, as it was last seen; fix: the commands that resolve it; path: the page about it.';
ALTER TABLE ledger.alerts ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.alerts_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ledger.arrivals ALTER COLUMN arrival_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.arrivals_arrival_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.attempts (
    attempt_id bigint NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    trigger text NOT NULL,
    run_id text,
    CONSTRAINT attempts_trigger_check CHECK ((trigger = ANY (ARRAY['schedule'::text, 'backfill'::text, 'cli'::text, 'today'::text])))
);
COMMENT ON TABLE ledger.attempts IS 'One process reading providers. While it lives it holds the session advisory lock (classid 7733, objid attempt_id); so a claim of a dead process is told from one that is still at work.';
ALTER TABLE ledger.attempts ALTER COLUMN attempt_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.attempts_attempt_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.audit_chain (
    "position" bigint NOT NULL,
    entry_id bigint NOT NULL,
    previous_hash bytea NOT NULL,
    entry_hash bytea NOT NULL
);
COMMENT ON TABLE ledger.audit_chain IS 'One seal per entry of the audit log, in order of commit. The last entry_hash stands for all before it: kept elsewhere, it shows too when the end was cut off. Insert only.';
ALTER TABLE ledger.audit_log ALTER COLUMN entry_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.audit_log_entry_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.automation_runs (
    thread_id text GENERATED ALWAYS AS (((((((((tenant_id || '/'::text) || automation) || '/'::text) || account) || '/'::text) || source) || '/'::text) || call_id)) STORED NOT NULL,
    tenant_id text NOT NULL,
    automation text NOT NULL,
    account text NOT NULL,
    source text NOT NULL,
    call_id text NOT NULL,
    usage_date date NOT NULL,
    version text,
    state text DEFAULT 'open'::text NOT NULL,
    due_at timestamp with time zone DEFAULT '1970-01-01 00:00:00+00'::timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    question text,
    question_id text,
    answer text,
    fault text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    begun_at timestamp with time zone,
    ended_at timestamp with time zone,
    CONSTRAINT automation_runs_automation_check CHECK ((automation ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
    CONSTRAINT automation_runs_check CHECK (((state = 'open'::text) OR (due_at IS NULL))),
    CONSTRAINT automation_runs_state_check CHECK ((state = ANY (ARRAY['open'::text, 'done'::text, 'failed'::text, 'ended'::text])))
);
ALTER TABLE ONLY ledger.automation_runs FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.automation_runs IS 'Each call once for each automation that follows it, whatever is pulled or built again, and whichever version of it there is.';
COMMENT ON COLUMN ledger.automation_runs.version IS 'Of the automation, as it was when this one began.';
COMMENT ON COLUMN ledger.automation_runs.due_at IS 'When it goes on; whoever takes it sets it to when another may. Empty: it waits for a person, or is over.';
COMMENT ON COLUMN ledger.automation_runs.question IS 'What a person is asked before it goes on; answer: what was said, until it went on.';
COMMENT ON COLUMN ledger.automation_runs.question_id IS 'Where in the thread it is asked, so that an answer is never taken for another question''s.';
COMMENT ON COLUMN ledger.automation_runs.fault IS 'The kind of the last fault, never what it said: that may hold what the caller said.';

CREATE TABLE ledger.builds (
    build_id bigint NOT NULL,
    as_of date NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    fault text,
    models_digest text NOT NULL,
    CONSTRAINT builds_check CHECK (((fault IS NULL) OR (ended_at IS NOT NULL)))
);
COMMENT ON TABLE ledger.builds IS 'One row per build of the marts; fault is the first thing that failed. Killed, it has no end.';
COMMENT ON COLUMN ledger.builds.models_digest IS 'SHA-256 of the files of the dbt project: where they are not those of the last build, every table is made from scratch.';
ALTER TABLE ledger.builds ALTER COLUMN build_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.builds_build_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.campaigns (
    source text NOT NULL,
    account text NOT NULL,
    campaign_id text NOT NULL,
    name text NOT NULL,
    calls bigint,
    connected bigint,
    over_since timestamp with time zone,
    counted_at timestamp with time zone NOT NULL,
    CONSTRAINT campaigns_calls_check CHECK ((calls >= 0)),
    CONSTRAINT campaigns_connected_check CHECK ((connected >= 0))
);
ALTER TABLE ONLY ledger.campaigns FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.campaigns IS 'The campaigns of accounts whose calls were made by some, as their provider named and counted them last.';
COMMENT ON COLUMN ledger.campaigns.over_since IS 'When it was first said to be over; null while it may make more calls.';

CREATE VIEW ledger.changed_arrivals WITH (security_invoker='true') AS
 WITH pushed AS (
         SELECT arrivals.tenant_id,
            arrivals.source,
            arrivals.usage_date,
            sum(arrivals.events) AS events,
            sum(arrivals.content) AS content
           FROM ledger.arrivals
          GROUP BY arrivals.tenant_id, arrivals.source, arrivals.usage_date
        )
 SELECT pushed.tenant_id,
    pushed.source,
    pushed.usage_date,
    r.pull_id,
    r.closed_at
   FROM (pushed
     CROSS JOIN LATERAL ( SELECT p.pull_id,
            p.closed_at,
            p.totals
           FROM ledger.pulls p
          WHERE ((p.source = pushed.source) AND (p.account = pushed.tenant_id) AND (p.usage_date = pushed.usage_date) AND (p.state = ANY (ARRAY['published'::text, 'unchanged'::text])))
          ORDER BY p.pull_id DESC
         LIMIT 1) r)
  WHERE ((((r.totals ->> 'events'::text))::numeric IS DISTINCT FROM pushed.events) OR (((r.totals ->> 'content'::text))::numeric IS DISTINCT FROM pushed.content));
COMMENT ON VIEW ledger.changed_arrivals IS 'Days that were read and hold something else now, by count and content; pull_id is the latest reading of each.';

CREATE TABLE ledger.cleanings (
    cleaning_id bigint NOT NULL,
    cleaned_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    rows_changed bigint NOT NULL
);
ALTER TABLE ONLY ledger.cleanings FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.cleanings IS 'When all raw rows that stood were brought to the fields of their contract.';
ALTER TABLE ledger.cleanings ALTER COLUMN cleaning_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.cleanings_cleaning_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.completed_calls (
    source text NOT NULL,
    account text NOT NULL,
    call_id text NOT NULL,
    tenant_id text NOT NULL,
    usage_date date NOT NULL
);
ALTER TABLE ONLY ledger.completed_calls FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.completed_calls IS 'Calls of which call.completed was written down: each is told once, whatever is pulled again.';

CREATE TABLE ledger.quarantine (
    quarantine_id bigint NOT NULL,
    pull_id bigint NOT NULL,
    source text NOT NULL,
    account text NOT NULL,
    tenant_id text,
    usage_date date NOT NULL,
    item text NOT NULL,
    reason text NOT NULL,
    fingerprint text NOT NULL,
    scopes jsonb DEFAULT '{}'::jsonb NOT NULL,
    payload json,
    created_at timestamp with time zone,
    length_from timestamp with time zone,
    set_aside_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
ALTER TABLE ONLY ledger.quarantine FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.quarantine IS 'Rows of published pulls that break the contract of their source: in no raw table, and in no sum.';
COMMENT ON COLUMN ledger.quarantine.scopes IS 'By which it may find its tenant: kind of attachment to value.';
COMMENT ON COLUMN ledger.quarantine.payload IS 'As a row of nobody''s is stored, without what is personal; null once its pull is superseded, and for what is no JSON.';
COMMENT ON COLUMN ledger.quarantine.length_from IS 'Of a call that breaks nothing but the bounds of its length: when it started.';

CREATE VIEW ledger.corrected_calls WITH (security_invoker='true') AS
 SELECT q.pull_id,
    q.account,
    p.tenant_id,
    q.usage_date,
    q.item AS call_id,
    q.created_at,
    q.length_from AS started_at,
    (q.length_from + ((a.seconds)::double precision * '00:00:01'::interval)) AS ended_at,
    q.payload,
    a.seconds,
    a.reason
   FROM ((ledger.quarantine q
     JOIN ledger.pulls p ON (((q.pull_id = p.pull_id) AND (p.state = 'published'::text))))
     CROSS JOIN LATERAL ( SELECT accepted.seconds,
            accepted.reason
           FROM ledger.acceptances accepted
          WHERE ((accepted.source = q.source) AND (accepted.account = q.account) AND (accepted.usage_date = q.usage_date) AND (accepted.doubt = 'quarantined'::text) AND (accepted.subject = q.item) AND (accepted.evidence = q.fingerprint))
          ORDER BY accepted.acceptance_id DESC
         LIMIT 1) a)
  WHERE ((q.source = 'vapi'::text) AND (q.length_from IS NOT NULL) AND (q.payload IS NOT NULL) AND (a.seconds IS NOT NULL));
COMMENT ON VIEW ledger.corrected_calls IS 'Calls set aside for their length alone that a person accepted at another one.';

CREATE TABLE ledger.invoice_items (
    invoice_item_id bigint NOT NULL,
    item_key text NOT NULL,
    version integer NOT NULL,
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    line_id text NOT NULL,
    item_kind text NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    service_period_start date NOT NULL,
    service_period_end date NOT NULL,
    stripe_customer_id text NOT NULL,
    corrects_invoice_id text,
    identifier text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    stripe_id text,
    cause_code text,
    cause text,
    committed_at timestamp with time zone NOT NULL,
    posted_at timestamp with time zone,
    attempt integer DEFAULT 1 NOT NULL,
    stripe_account text,
    is_live boolean,
    CONSTRAINT invoice_items_amount_check CHECK ((amount <> (0)::numeric)),
    CONSTRAINT invoice_items_attempt_check CHECK ((attempt > 0)),
    CONSTRAINT invoice_items_check CHECK (((item_kind = 'credit_note'::text) = (corrects_invoice_id IS NOT NULL))),
    CONSTRAINT invoice_items_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT invoice_items_item_kind_check CHECK ((item_kind = ANY (ARRAY['line'::text, 'coverage'::text, 'credit_note'::text]))),
    CONSTRAINT invoice_items_known_at_stripe CHECK (((state = ANY (ARRAY['accepted'::text, 'lost'::text])) = (stripe_id IS NOT NULL))),
    CONSTRAINT invoice_items_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'accepted'::text, 'refused'::text, 'lost'::text]))),
    CONSTRAINT invoice_items_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY ledger.invoice_items FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.invoice_items IS 'What no meter can carry. Versions of an item_key add up to the amount its statement line owes; amount may be negative.';
COMMENT ON COLUMN ledger.invoice_items.attempt IS 'How often it was asked for: once, and once more after each refusal. Told to Stripe in the Idempotency-Key alone.';
COMMENT ON COLUMN ledger.invoice_items.stripe_account IS 'Where it was sent, with is_live; null where no account was adopted yet.';

CREATE TABLE ledger.periods (
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    period_end date NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    changed_by text DEFAULT CURRENT_USER NOT NULL,
    reason text,
    manifest_hash text,
    revision bigint,
    approved_at timestamp with time zone,
    approved_cost numeric,
    CONSTRAINT periods_check CHECK ((period_end > period_start)),
    CONSTRAINT periods_check1 CHECK (((state = ANY (ARRAY['approved'::text, 'closed'::text])) = (manifest_hash IS NOT NULL))),
    CONSTRAINT periods_state_check CHECK ((state = ANY (ARRAY['open'::text, 'in_review'::text, 'approved'::text, 'closed'::text])))
);
ALTER TABLE ONLY ledger.periods FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.periods IS 'A period without a row is open. Half-open [period_start, period_end).';
COMMENT ON COLUMN ledger.periods.revision IS 'What control.revision became by the last change of this row.';
COMMENT ON COLUMN ledger.periods.approved_at IS 'When it was approved; null while it is not.';
COMMENT ON COLUMN ledger.periods.approved_cost IS 'What its days cost as it was known at approval, in the tenant''s currency; null while it is not approved, or where it was not known.';

CREATE TABLE ledger.statement_lines (
    line_id text NOT NULL,
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    line_kind text NOT NULL,
    meter_id text,
    quantity numeric,
    unit text,
    amount numeric NOT NULL,
    currency text NOT NULL,
    service_period_start date NOT NULL,
    service_period_end date NOT NULL,
    corrects_line_id text,
    inputs jsonb NOT NULL,
    frozen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT statement_lines_line_kind_check CHECK ((line_kind = ANY (ARRAY['setup'::text, 'subscription'::text, 'overage'::text, 'minimum'::text, 'adjustment'::text, 'credit'::text])))
);
ALTER TABLE ONLY ledger.statement_lines FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.statement_lines IS 'Lines frozen at approval, with the inputs that explain them. Never updated; the audit log keeps those of a reopening.';

CREATE TABLE ledger.stripe_charges (
    tenant_id text NOT NULL,
    meter_id text NOT NULL,
    period_start date NOT NULL,
    charged numeric NOT NULL,
    is_final boolean NOT NULL,
    read_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY ledger.stripe_charges FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_charges IS 'What Stripe''s invoice charges of a meter for an approved period, in the tenant''s currency; an estimate until is_final.';

CREATE VIEW ledger.coverage WITH (security_invoker='true') AS
 WITH sides AS (
         SELECT statement_lines.tenant_id,
            statement_lines.period_start,
            statement_lines.meter_id,
            statement_lines.line_id,
            statement_lines.amount,
            NULL::numeric AS charged,
            NULL::boolean AS is_final,
            NULL::timestamp with time zone AS read_at
           FROM ledger.statement_lines
          WHERE (statement_lines.line_kind = 'overage'::text)
        UNION ALL
         SELECT stripe_charges.tenant_id,
            stripe_charges.period_start,
            stripe_charges.meter_id,
            NULL::text AS line_id,
            0 AS amount,
            stripe_charges.charged,
            stripe_charges.is_final,
            stripe_charges.read_at
           FROM ledger.stripe_charges
        ), metered AS (
         SELECT sides.tenant_id,
            sides.period_start,
            sides.meter_id,
            COALESCE(max(sides.line_id), ((((sides.tenant_id || '/'::text) || sides.period_start) || '/overage/'::text) || sides.meter_id)) AS line_id,
            sum(sides.amount) AS amount,
            max(sides.charged) AS charged,
            COALESCE(bool_or(sides.is_final), false) AS is_final,
            max(sides.read_at) AS read_at
           FROM sides
          GROUP BY sides.tenant_id, sides.period_start, sides.meter_id
        ), sent AS (
         SELECT invoice_items.item_key,
            sum(invoice_items.amount) FILTER (WHERE (invoice_items.state = 'accepted'::text)) AS amount,
            max(invoice_items.version) AS version,
            bool_or((invoice_items.state = 'pending'::text)) AS is_pending
           FROM ledger.invoice_items
          WHERE (invoice_items.item_kind = 'coverage'::text)
          GROUP BY invoice_items.item_key
        )
 SELECT m.tenant_id,
    m.period_start,
    p.period_end,
    p.changed_at,
    m.meter_id,
    m.line_id,
    m.amount,
    COALESCE(s.amount, (0)::numeric) AS covered,
    (COALESCE(s.version, 0) + 1) AS version,
    COALESCE(s.is_pending, false) AS is_pending,
    m.charged,
    m.is_final,
    m.read_at,
    ((m.amount - m.charged) - COALESCE(s.amount, (0)::numeric)) AS owed
   FROM ((metered m
     JOIN ledger.periods p ON (((m.tenant_id = p.tenant_id) AND (m.period_start = p.period_start))))
     LEFT JOIN sent s ON (((m.line_id || '/coverage'::text) = s.item_key)))
  WHERE (p.state = ANY (ARRAY['approved'::text, 'closed'::text]));
COMMENT ON VIEW ledger.coverage IS 'One row per tenant, approved period and meter: what the statement says, what Stripe charges, what our items add, what is owed.';

CREATE TABLE ledger.deliveries (
    endpoint_id text NOT NULL,
    event_number bigint NOT NULL,
    tenant_id text,
    subject text NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    first_attempted_at timestamp with time zone,
    attempted_at timestamp with time zone,
    last_status integer,
    fault text,
    CONSTRAINT deliveries_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'dead'::text])))
);
ALTER TABLE ONLY ledger.deliveries FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.deliveries IS 'Each event once for each endpoint that listened when it happened. One that waits holds back later ones of its subject.';
COMMENT ON COLUMN ledger.deliveries.next_attempt_at IS 'Whoever sends it sets it to when another may try, so that a process that dies holds it no longer.';
COMMENT ON COLUMN ledger.deliveries.first_attempted_at IS 'When its three days began; empty again once it is replayed.';
COMMENT ON COLUMN ledger.deliveries.fault IS 'Why the last attempt failed: a status, a kind of fault, or the word of our own mail server; never what a receiver said.';

CREATE TABLE ledger.differences_told (
    tenant_id text NOT NULL,
    meter_id text NOT NULL,
    usage_date date NOT NULL,
    finding text NOT NULL,
    difference numeric NOT NULL
);
ALTER TABLE ONLY ledger.differences_told FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.differences_told IS 'Days on which postings and Stripe differ, as they were told; one that is settled is forgotten.';

CREATE VIEW ledger.disagreeing_totals WITH (security_invoker='true') AS
 SELECT c.source,
    c.account,
    c.tenant_id,
    c.usage_date,
    r.pull_id,
    reported.name,
    counted.value AS counted,
    reported.value AS provider_says,
    concat(counted.value, '/', reported.value) AS evidence,
    (EXISTS ( SELECT
           FROM ledger.pulls earlier
          WHERE ((earlier.source = c.source) AND (earlier.account = c.account) AND (earlier.usage_date = c.usage_date) AND (earlier.pull_id < r.pull_id) AND (COALESCE(earlier.confirms_pull_id, earlier.pull_id) = c.pull_id) AND ((earlier.provider_totals ->> reported.name) = reported.value)))) AS is_repeated
   FROM (((ledger.pulls c
     CROSS JOIN LATERAL ( SELECT p.pull_id,
            p.totals,
            p.provider_totals
           FROM ledger.pulls p
          WHERE ((p.source = c.source) AND (p.account = c.account) AND (p.usage_date = c.usage_date) AND (p.state = ANY (ARRAY['published'::text, 'unchanged'::text])) AND (COALESCE(p.confirms_pull_id, p.pull_id) = c.pull_id) AND (p.provider_totals IS NOT NULL))
          ORDER BY p.pull_id DESC
         LIMIT 1) r)
     CROSS JOIN LATERAL jsonb_each_text(r.provider_totals) reported(name, value))
     LEFT JOIN LATERAL jsonb_each_text(r.totals) counted(name, value) ON ((reported.name = counted.name)))
  WHERE ((c.state = 'published'::text) AND (NOT COALESCE((r.totals @> r.provider_totals), false)) AND (abs(((reported.value)::numeric - COALESCE((counted.value)::numeric, (0)::numeric))) >
        CASE
            WHEN (reported.name = 'cost'::text) THEN (0.0001 * COALESCE(((r.totals ->> 'calls'::text))::numeric, (0)::numeric))
            ELSE (0)::numeric
        END) AND (NOT (EXISTS ( SELECT
           FROM ledger.acceptances a
          WHERE ((a.source = c.source) AND (a.account = c.account) AND (a.usage_date = c.usage_date) AND (a.doubt = 'totals_disagree'::text) AND (a.subject = reported.name) AND (a.evidence = concat(counted.value, '/', reported.value)))))));
COMMENT ON VIEW ledger.disagreeing_totals IS 'What a provider counts otherwise than its rows, by the latest reading, unless a person accepted just that. is_repeated: an earlier reading was told the same.';

CREATE VIEW ledger.doubted_days WITH (security_invoker='true') AS
 SELECT DISTINCT ON (source, account, usage_date) source,
    account,
    tenant_id,
    usage_date,
    cause_code,
    cause,
    evidence
   FROM ledger.pulls p
  WHERE ((state = 'failed'::text) AND (evidence IS NOT NULL) AND (EXISTS ( SELECT
           FROM ledger.pulls c
          WHERE ((c.source = p.source) AND (c.account = p.account) AND (c.usage_date = p.usage_date) AND (c.state = 'published'::text)))) AND (NOT (EXISTS ( SELECT
           FROM ledger.pulls later
          WHERE ((later.source = p.source) AND (later.account = p.account) AND (later.usage_date = p.usage_date) AND (later.pull_id > p.pull_id) AND (later.state = ANY (ARRAY['published'::text, 'unchanged'::text])))))))
  ORDER BY source, account, usage_date, pull_id DESC;
COMMENT ON VIEW ledger.doubted_days IS 'Days that keep what they had although the provider sends something else now, which nobody has accepted yet.';

CREATE TABLE ledger.endpoint_states (
    endpoint_id text NOT NULL,
    tenant_id text,
    failures integer DEFAULT 0 NOT NULL,
    failing_since timestamp with time zone,
    held_until timestamp with time zone,
    gone_at timestamp with time zone
);
ALTER TABLE ONLY ledger.endpoint_states FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.endpoint_states IS 'How an endpoint answers: faults in a row, and until when it is left alone.';
COMMENT ON COLUMN ledger.endpoint_states.gone_at IS 'When it answered 410, which asks to send no more; until a replay.';

CREATE TABLE ledger.final_lines (
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    line text NOT NULL,
    ours numeric NOT NULL,
    stripe numeric NOT NULL,
    accepted numeric NOT NULL,
    currency text NOT NULL,
    invoices text[] NOT NULL,
    waits text,
    code text,
    what text,
    what_to_do text,
    read_at timestamp with time zone NOT NULL,
    CONSTRAINT final_lines_check CHECK ((((code IS NULL) = (what IS NULL)) AND ((code IS NULL) = (what_to_do IS NULL))))
);
ALTER TABLE ONLY ledger.final_lines FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.final_lines IS 'One row per line of a statement, and per thing at Stripe that no statement has: ours, Stripe''s, what of the difference was accepted; waits: what is still to come; code: the finding, in words and with the command that resolves it.';
ALTER TABLE ledger.invoice_items ALTER COLUMN invoice_item_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.invoice_items_invoice_item_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.issued_statements (
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    revision integer NOT NULL,
    place integer NOT NULL,
    number text NOT NULL,
    issued_at timestamp with time zone DEFAULT now() NOT NULL,
    issued_by text NOT NULL,
    manifest_hash text NOT NULL,
    content jsonb NOT NULL,
    CONSTRAINT issued_statements_revision_check CHECK ((revision > 0))
);
ALTER TABLE ONLY ledger.issued_statements FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.issued_statements IS 'Each approval hands out a revision. Never updated or deleted, reopened or not.';
COMMENT ON COLUMN ledger.issued_statements.place IS 'Counted from 1 over all tenants, without gaps; the number ends with it.';

CREATE TABLE ledger.known_gaps (
    tenant_id text,
    source text NOT NULL,
    account text NOT NULL,
    usage_date date NOT NULL,
    gap text NOT NULL,
    item text NOT NULL,
    agent_id text,
    quantity numeric,
    known_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY ledger.known_gaps FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.known_gaps IS 'Days without a whole pull and usage not billed, as they stood at the approvals since known_at. Without a tenant: nobody''s.';
COMMENT ON COLUMN ledger.known_gaps.gap IS 'The state of the day, or the reason why the usage is not billed.';

CREATE TABLE ledger.line_days (
    line_id text NOT NULL,
    tenant_id text NOT NULL,
    usage_date date NOT NULL,
    quantity numeric NOT NULL,
    cumulative_quantity numeric NOT NULL,
    allowance numeric NOT NULL,
    overage_quantity numeric NOT NULL,
    amount numeric NOT NULL
);
ALTER TABLE ONLY ledger.line_days FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.line_days IS 'Of an overage line: what each day added to it. Of an adjustment: the days of the line it corrects, as they were then.';

CREATE TABLE ledger.line_objects (
    line_id text NOT NULL,
    tenant_id text NOT NULL,
    usage_date date NOT NULL,
    pull_id bigint NOT NULL,
    agent_id text,
    object_id text NOT NULL,
    reported_at timestamp with time zone,
    quantity numeric NOT NULL,
    provider_cost numeric,
    provider_currency text,
    cost_basis text NOT NULL,
    accepted_seconds numeric,
    accepted_because text
);
ALTER TABLE ONLY ledger.line_objects FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.line_objects IS 'Each call or row of the provider, by the provider''s own id or key, with its billed units and what the provider says it cost.';
COMMENT ON COLUMN ledger.line_objects.accepted_seconds IS 'Of a call set aside for its length, the one at which a person accepted it.';

CREATE TABLE ledger.line_pulls (
    line_id text NOT NULL,
    tenant_id text NOT NULL,
    pull_id bigint NOT NULL,
    source text NOT NULL,
    account text NOT NULL,
    usage_date date NOT NULL,
    pulled_at timestamp with time zone NOT NULL,
    quantity numeric NOT NULL,
    row_count bigint NOT NULL,
    is_new boolean NOT NULL
);
ALTER TABLE ONLY ledger.line_pulls FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.line_pulls IS 'The pulls of the days a line is about, those without its usage too. is_new: an adjustment was not known before this pull.';

CREATE TABLE ledger.new_fields (
    source text NOT NULL,
    field text NOT NULL,
    account text NOT NULL,
    usage_date date NOT NULL,
    pull_id bigint NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    CONSTRAINT new_fields_field_check CHECK ((length(field) <= 1000))
);
ALTER TABLE ONLY ledger.new_fields FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.new_fields IS 'Fields that a provider sent, that are not in its contract and were not stored, once each, where they were seen first.';

CREATE TABLE ledger.outgoing_events (
    event_number bigint NOT NULL,
    event_id text DEFAULT ('evt_'::text || replace((gen_random_uuid())::text, '-'::text, ''::text)) NOT NULL,
    type text NOT NULL,
    tenant_id text,
    subject text NOT NULL,
    data jsonb NOT NULL,
    happened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT outgoing_events_data_check CHECK ((jsonb_typeof(data) = 'object'::text))
);
ALTER TABLE ONLY ledger.outgoing_events FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.outgoing_events IS 'Facts that somebody listens to: ids and no content. Events of one subject are numbered in the order in which they committed.';
ALTER TABLE ledger.outgoing_events ALTER COLUMN event_number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.outgoing_events_event_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.packs (
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    manifest_hash text NOT NULL,
    content text NOT NULL,
    content_hash text NOT NULL,
    frozen_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY ledger.packs FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.packs IS 'One row per pack of a closed period; manifest_hash tells a period closed again after it was reopened. Insert only.';

CREATE TABLE ledger.personal_choices_applied (
    tenant_id text NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    rows_changed bigint NOT NULL
);
ALTER TABLE ONLY ledger.personal_choices_applied FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.personal_choices_applied IS 'Which choice of a tenant has been applied to its calls that stood when it was made. Behind control.personal_choices: due.';

CREATE TABLE ledger.postings (
    posting_id bigint NOT NULL,
    tenant_id text NOT NULL,
    meter_id text NOT NULL,
    usage_date date NOT NULL,
    version integer NOT NULL,
    value numeric NOT NULL,
    stripe_customer_id text NOT NULL,
    event_name text NOT NULL,
    identifier text NOT NULL,
    state text DEFAULT 'pending'::text NOT NULL,
    cause_code text,
    cause text,
    committed_at timestamp with time zone NOT NULL,
    posted_at timestamp with time zone,
    resolved_at timestamp with time zone,
    stripe_account text,
    is_live boolean,
    CONSTRAINT postings_check CHECK (((state = 'pending'::text) = (resolved_at IS NULL))),
    CONSTRAINT postings_check1 CHECK (((state <> 'accepted'::text) OR (posted_at IS NOT NULL))),
    CONSTRAINT postings_check2 CHECK (((state = ANY (ARRAY['refused'::text, 'lost'::text, 'uncovered'::text])) = (cause_code IS NOT NULL))),
    CONSTRAINT postings_event_name_check CHECK ((event_name <> ''::text)),
    CONSTRAINT postings_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'accepted'::text, 'refused'::text, 'lost'::text, 'uncovered'::text]))),
    CONSTRAINT postings_stripe_customer_id_check CHECK ((stripe_customer_id <> ''::text)),
    CONSTRAINT postings_value_check CHECK ((value >= (0)::numeric)),
    CONSTRAINT postings_version_check CHECK ((version > 0))
);
ALTER TABLE ONLY ledger.postings FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.postings IS '"Overage of this tenant, meter and day is now value." pending: committed, outcome unknown; accepted: Stripe has it; refused: Stripe has not, and a person must repair what cause names; lost: its identifier can do no more and it is not known to have arrived, the next version settles it; uncovered: no meter can carry it, approval bills it.';
COMMENT ON COLUMN ledger.postings.stripe_account IS 'Where it was sent, with is_live; null where no account was adopted yet.';
ALTER TABLE ledger.postings ALTER COLUMN posting_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.postings_posting_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ledger.pulls ALTER COLUMN pull_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.pulls_pull_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.pulls_told (
    pull_id bigint NOT NULL,
    build_key text NOT NULL
);
COMMENT ON TABLE ledger.pulls_told IS 'Pulls whose calls were gone through as they were built; with another key they are gone through again.';
ALTER TABLE ledger.quarantine ALTER COLUMN quarantine_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.quarantine_quarantine_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE ledger.quota_alerts (
    alert_id bigint NOT NULL,
    tenant_id text NOT NULL,
    period_start date NOT NULL,
    quota text NOT NULL,
    threshold integer NOT NULL,
    event text NOT NULL,
    used numeric NOT NULL,
    allowed numeric NOT NULL,
    unit text NOT NULL,
    happened_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT quota_alerts_event_check CHECK ((event = ANY (ARRAY['crossed'::text, 'recovered'::text]))),
    CONSTRAINT quota_alerts_quota_check CHECK ((quota <> ''::text)),
    CONSTRAINT quota_alerts_threshold_check CHECK ((threshold = ANY (ARRAY[50, 80, 100])))
);
ALTER TABLE ONLY ledger.quota_alerts FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.quota_alerts IS 'One row per crossing of a share of an allowance (quota is the meter) or of the spend limit (quota is "spend"), and one when a restated day takes it back. used and allowed are in unit.';
ALTER TABLE ledger.quota_alerts ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ledger.quota_alerts_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE ledger.request_paces (
    provider text NOT NULL,
    key_fingerprint bytea NOT NULL,
    next_start timestamp with time zone NOT NULL,
    CONSTRAINT request_paces_key_fingerprint_check CHECK ((octet_length(key_fingerprint) = 8))
)
WITH (fillfactor='50');
COMMENT ON TABLE ledger.request_paces IS 'Until when the time of a key is taken, by requests or by a pause the provider asked for. Unlogged: after a crash nobody waits. The fingerprint is the beginning of a hash; no key can be told from it.';

CREATE VIEW ledger.standing_quarantine WITH (security_invoker='true') AS
 WITH known AS (
         SELECT q_1.quarantine_id,
            q_1.usage_date,
            k.kind,
            q_1.item AS value
           FROM ((ledger.quarantine q_1
             JOIN control.sources s ON ((q_1.source = s.source)))
             JOIN control.scope_kinds k ON (((k.kind = ANY (s.scope_kinds)) AND k.is_of_one_row)))
        UNION ALL
         SELECT q_1.quarantine_id,
            q_1.usage_date,
            s.key AS kind,
            s.value
           FROM (ledger.quarantine q_1
             CROSS JOIN LATERAL jsonb_each_text(q_1.scopes) s(key, value))
        ), attached AS (
         SELECT known.quarantine_id,
            k.rank,
            v.tenant_id
           FROM ((known
             JOIN control.scope_kinds k ON ((known.kind = k.kind)))
             CROSS JOIN LATERAL ( SELECT a.tenant_id
                   FROM control.agent_attachments a
                  WHERE ((a.kind = known.kind) AND (a.value = known.value) AND (a.valid_from <= known.usage_date) AND ((NOT k.is_of_one_row) OR (a.valid_from = known.usage_date)))
                  ORDER BY a.valid_from DESC
                 LIMIT 1) v)
          WHERE (v.tenant_id IS NOT NULL)
        ), routed AS (
         SELECT DISTINCT ON (attached.quarantine_id) attached.quarantine_id,
            attached.tenant_id
           FROM attached
          ORDER BY attached.quarantine_id, attached.rank
        )
 SELECT q.quarantine_id,
    q.pull_id,
    q.source,
    q.account,
    q.usage_date,
    q.item,
    q.reason,
    q.fingerprint,
    q.scopes,
    q.set_aside_at,
    COALESCE(q.tenant_id, routed.tenant_id) AS tenant_id
   FROM ((ledger.quarantine q
     JOIN ledger.pulls p ON (((q.pull_id = p.pull_id) AND (p.state = 'published'::text))))
     LEFT JOIN routed ON ((q.quarantine_id = routed.quarantine_id)))
  WHERE (NOT (EXISTS ( SELECT
           FROM ledger.acceptances a
          WHERE ((a.source = q.source) AND (a.account = q.account) AND (a.usage_date = q.usage_date) AND (a.doubt = 'quarantined'::text) AND (a.subject = q.item) AND (a.evidence = q.fingerprint)))));
COMMENT ON VIEW ledger.standing_quarantine IS 'Rows set aside of what is published now that nobody accepted; tenant_id is whom they route to, null for nobody.';

CREATE TABLE ledger.stripe_acceptances (
    subject text NOT NULL,
    tenant_id text NOT NULL,
    amount numeric NOT NULL,
    reason text NOT NULL,
    accepted_by text NOT NULL,
    accepted_at timestamp with time zone NOT NULL,
    CONSTRAINT stripe_acceptances_reason_check CHECK ((TRIM(BOTH FROM reason) <> ''::text)),
    CONSTRAINT stripe_acceptances_subject_check CHECK ((subject <> ''::text))
);
ALTER TABLE ONLY ledger.stripe_acceptances FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_acceptances IS 'What a person looked at and left as it is: a line of a statement or an object of Stripe''s, and by how much it differs.';

CREATE TABLE ledger.stripe_accounts (
    adoption integer NOT NULL,
    account_id text NOT NULL,
    is_live boolean NOT NULL,
    adopted_at timestamp with time zone NOT NULL,
    CONSTRAINT stripe_accounts_account_id_check CHECK ((account_id <> ''::text)),
    CONSTRAINT stripe_accounts_adoption_check CHECK ((adoption > 0))
);
ALTER TABLE ONLY ledger.stripe_accounts FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_accounts IS 'Accounts that were adopted, the newest last: only it is posted to and read. The first key adopts its own.';

CREATE TABLE ledger.stripe_cache (
    kind text NOT NULL,
    cache_key text NOT NULL,
    body jsonb NOT NULL,
    read_at timestamp with time zone NOT NULL,
    invalidated_at timestamp with time zone,
    stripe_account text,
    is_live boolean,
    CONSTRAINT stripe_cache_kind_check CHECK ((kind = ANY (ARRAY['meters'::text, 'products'::text, 'prices'::text, 'price'::text, 'customer'::text, 'subscriptions'::text, 'invoices'::text, 'upcoming'::text])))
);
COMMENT ON TABLE ledger.stripe_cache IS 'What Stripe said, for a while. Stripe is the source of truth of all of it. A body of null was changed before it was read.';
COMMENT ON COLUMN ledger.stripe_cache.stripe_account IS 'Whose word it is, with is_live; of another account it is not served.';

CREATE TABLE ledger.stripe_day_summaries (
    tenant_id text NOT NULL,
    meter_id text NOT NULL,
    usage_date date NOT NULL,
    value numeric NOT NULL,
    read_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY ledger.stripe_day_summaries FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_day_summaries IS 'Stripe''s own day summaries as last read; the third side of reconciliation.';

CREATE TABLE ledger.stripe_events (
    event_id text NOT NULL,
    event_type text NOT NULL,
    is_thin boolean NOT NULL,
    object_id text,
    stripe_customer_id text,
    tenant_id text,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    is_live boolean,
    stripe_account text,
    state text DEFAULT 'received'::text NOT NULL,
    processed_at timestamp with time zone,
    cause text,
    CONSTRAINT stripe_events_check CHECK (((state = 'processed'::text) = (processed_at IS NOT NULL))),
    CONSTRAINT stripe_events_check1 CHECK (((state = 'failed'::text) = (cause IS NOT NULL))),
    CONSTRAINT stripe_events_state_check CHECK ((state = ANY (ARRAY['received'::text, 'processed'::text, 'failed'::text])))
);
ALTER TABLE ONLY ledger.stripe_events FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_events IS 'Stripe''s webhooks, once each. facts are the few fields that are used; names and addresses are not kept. Of another account or mode than is billed in, they change nothing.';
COMMENT ON COLUMN ledger.stripe_events.stripe_account IS 'The connected account it is of, else the one that was adopted when it came; with is_live, its mode.';

CREATE TABLE ledger.stripe_invoice_states (
    invoice_id text NOT NULL,
    tenant_id text NOT NULL,
    stripe_customer_id text NOT NULL,
    period_start bigint NOT NULL,
    period_end bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    total_minor bigint NOT NULL,
    finalized_at timestamp with time zone,
    paid_at timestamp with time zone,
    number text,
    hosted_url text,
    read_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY ledger.stripe_invoice_states FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_invoice_states IS 'Each invoice of a billed tenant as Stripe showed it when it was last read. Amounts in minor units, periods in Unix seconds.';
COMMENT ON COLUMN ledger.stripe_invoice_states.hosted_url IS 'Stripe''s page of the invoice: whoever has its address sees the invoice and can pay it.';

CREATE VIEW ledger.stripe_invoices WITH (security_invoker='true') AS
 WITH invoices AS (
         SELECT stripe_events.object_id AS invoice_id
           FROM ledger.stripe_events
          WHERE ((stripe_events.event_type ~~ 'invoice.%'::text) AND (stripe_events.object_id IS NOT NULL) AND (NOT ledger.is_of_another_account(stripe_events.stripe_account, stripe_events.is_live)))
        UNION
         SELECT stripe_invoice_states.invoice_id
           FROM ledger.stripe_invoice_states
        ), joined AS (
         SELECT i.invoice_id,
            t.tenant_id,
            t.stripe_customer_id,
            t.period_start,
            t.period_end,
            t.currency,
            t.status,
            t.total_minor,
            t.number,
            t.hosted_url,
            t.finalized_at,
            t.paid_at,
            t.failed_payments,
            t.reported_at,
            s.tenant_id AS read_tenant_id,
            s.stripe_customer_id AS read_customer_id,
            s.period_start AS read_period_start,
            s.period_end AS read_period_end,
            s.currency AS read_currency,
            s.status AS read_status,
            s.total_minor AS read_total_minor,
            s.finalized_at AS read_finalized_at,
            s.paid_at AS read_paid_at,
            s.number AS read_number,
            s.hosted_url AS read_hosted_url,
            s.read_at,
            ((s.invoice_id IS NOT NULL) AND COALESCE((t.reported_at <= s.read_at), true)) AS is_read
           FROM ((invoices i
             LEFT JOIN ledger.stripe_invoice_states s ON ((i.invoice_id = s.invoice_id)))
             CROSS JOIN LATERAL ( SELECT max(e.tenant_id) AS tenant_id,
                    max(e.stripe_customer_id) AS stripe_customer_id,
                    max(((e.facts ->> 'period_start'::text))::bigint) AS period_start,
                    max(((e.facts ->> 'period_end'::text))::bigint) AS period_end,
                    max((e.facts ->> 'currency'::text)) AS currency,
                        CASE
                            WHEN bool_or((e.event_type = 'invoice.voided'::text)) THEN 'void'::text
                            WHEN bool_or((e.event_type = 'invoice.paid'::text)) THEN 'paid'::text
                            WHEN bool_or((e.event_type = 'invoice.marked_uncollectible'::text)) THEN 'uncollectible'::text
                            WHEN bool_or((e.event_type = ANY (ARRAY['invoice.finalized'::text, 'invoice.payment_failed'::text]))) THEN 'open'::text
                            ELSE 'draft'::text
                        END AS status,
                    (array_agg(((e.facts ->> 'total'::text))::bigint ORDER BY e.happened_at DESC, e.event_id DESC))[1] AS total_minor,
                    max((e.facts ->> 'number'::text)) AS number,
                    (array_agg((e.facts ->> 'hosted_invoice_url'::text) ORDER BY e.happened_at DESC, e.event_id DESC) FILTER (WHERE (e.facts ? 'hosted_invoice_url'::text)))[1] AS hosted_url,
                    min(e.happened_at) FILTER (WHERE (e.event_type = 'invoice.finalized'::text)) AS finalized_at,
                    min(e.happened_at) FILTER (WHERE (e.event_type = 'invoice.paid'::text)) AS paid_at,
                    count(*) FILTER (WHERE (e.event_type = 'invoice.payment_failed'::text)) AS failed_payments,
                    max(e.happened_at) AS reported_at
                   FROM ledger.stripe_events e
                  WHERE ((e.object_id = i.invoice_id) AND (e.event_type ~~ 'invoice.%'::text) AND (NOT ledger.is_of_another_account(e.stripe_account, e.is_live)))) t)
        )
 SELECT invoice_id,
    COALESCE(read_tenant_id, tenant_id) AS tenant_id,
    COALESCE(read_customer_id, stripe_customer_id) AS stripe_customer_id,
    COALESCE(read_period_start, period_start) AS period_start,
    COALESCE(read_period_end, period_end) AS period_end,
    COALESCE(read_currency, currency) AS currency,
        CASE
            WHEN is_read THEN read_status
            ELSE status
        END AS status,
        CASE
            WHEN is_read THEN read_total_minor
            ELSE COALESCE(total_minor, read_total_minor)
        END AS total_minor,
    COALESCE(read_finalized_at, finalized_at) AS finalized_at,
    COALESCE(read_paid_at, paid_at) AS paid_at,
    failed_payments,
    COALESCE(read_number, number) AS number,
        CASE
            WHEN is_read THEN read_hosted_url
            ELSE COALESCE(hosted_url, read_hosted_url)
        END AS hosted_url,
    GREATEST(reported_at, read_at) AS as_of,
    read_at
   FROM joined;
COMMENT ON VIEW ledger.stripe_invoices IS 'One row per Stripe invoice: as it was read, and what its events since, in any order, say of it. Amounts in minor units.';

CREATE TABLE ledger.stripe_item_states (
    identifier text NOT NULL,
    tenant_id text NOT NULL,
    state text NOT NULL,
    invoice_id text,
    read_at timestamp with time zone NOT NULL,
    CONSTRAINT stripe_item_states_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'draft'::text, 'open'::text, 'paid'::text, 'uncollectible'::text, 'void'::text])))
);
ALTER TABLE ONLY ledger.stripe_item_states FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_item_states IS 'Each invoice item and credit note of ours as Stripe showed it when it was last read: pending, or the state of its invoice. Once another account is billed in, it is shown no more.';

CREATE TABLE ledger.stripe_keys (
    key_digest text NOT NULL,
    account_id text NOT NULL,
    is_live boolean NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
ALTER TABLE ONLY ledger.stripe_keys FORCE ROW LEVEL SECURITY;
COMMENT ON TABLE ledger.stripe_keys IS 'Whose each key is, by a digest of the key, as Stripe said once: a key never moves to another account.';

CREATE VIEW ledger.unread_pulls WITH (security_invoker='true') AS
 SELECT p.pull_id,
    p.source,
    p.account,
    p.tenant_id,
    p.usage_date,
    p.state,
    p.closed_at,
    ((p.state = 'superseded'::text) AND s.bills AND ledger.explains_a_frozen_line(p.*)) AS is_needed
   FROM (ledger.pulls p
     JOIN control.sources s ON ((p.source = s.source)))
  WHERE ((p.state = ANY (ARRAY['superseded'::text, 'failed'::text, 'unchanged'::text])) AND (p.purged_at IS NULL) AND (NOT ledger.holds_current_results(p.*)));
COMMENT ON VIEW ledger.unread_pulls IS 'Pulls whose raw rows nobody reads; is_needed: kept, because a frozen line is explained by it.';

CREATE TABLE minutebook.migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY intake.events ATTACH PARTITION intake.events_of_other_months DEFAULT;
ALTER TABLE ONLY automations.checkpoint_blobs
    ADD CONSTRAINT checkpoint_blobs_pkey PRIMARY KEY (thread_id, checkpoint_ns, channel, version);
ALTER TABLE ONLY automations.checkpoint_migrations
    ADD CONSTRAINT checkpoint_migrations_pkey PRIMARY KEY (v);
ALTER TABLE ONLY automations.checkpoint_writes
    ADD CONSTRAINT checkpoint_writes_pkey PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx);
ALTER TABLE ONLY automations.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id);
ALTER TABLE ONLY control.agent_attachments
    ADD CONSTRAINT agent_attachments_pkey PRIMARY KEY (kind, value, valid_from);
ALTER TABLE ONLY control.agents
    ADD CONSTRAINT agents_pkey PRIMARY KEY (agent_id);
ALTER TABLE ONLY control.agents
    ADD CONSTRAINT agents_tenant_id_agent_id_key UNIQUE (tenant_id, agent_id);
ALTER TABLE ONLY control.allowances
    ADD CONSTRAINT allowances_pkey PRIMARY KEY (plan_id, meter_id, valid_from);
ALTER TABLE ONLY control.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY control.brands
    ADD CONSTRAINT brands_host_key UNIQUE (host);
ALTER TABLE ONLY control.brands
    ADD CONSTRAINT brands_pkey PRIMARY KEY (brand_id);
ALTER TABLE ONLY control.brands
    ADD CONSTRAINT brands_tenant_id_key UNIQUE NULLS NOT DISTINCT (tenant_id);
ALTER TABLE ONLY control.call_outputs
    ADD CONSTRAINT call_outputs_pkey PRIMARY KEY (tenant_id, output_id);
ALTER TABLE ONLY control.call_rubrics
    ADD CONSTRAINT call_rubrics_pkey PRIMARY KEY (tenant_id, kind, value);
ALTER TABLE ONLY control.cost_coverage
    ADD CONSTRAINT cost_coverage_source_tenant_id_agent_id_component_valid_fro_key UNIQUE NULLS NOT DISTINCT (source, tenant_id, agent_id, component, valid_from);
ALTER TABLE ONLY control.credential_candidates
    ADD CONSTRAINT credential_candidates_pkey PRIMARY KEY (credential_id);
ALTER TABLE ONLY control.credentials
    ADD CONSTRAINT credentials_pkey PRIMARY KEY (credential_id);
ALTER TABLE ONLY control.credit_voids
    ADD CONSTRAINT credit_voids_pkey PRIMARY KEY (credit_id);
ALTER TABLE ONLY control.credits
    ADD CONSTRAINT credits_pkey PRIMARY KEY (credit_id);
ALTER TABLE ONLY control.data_keys
    ADD CONSTRAINT data_keys_pkey PRIMARY KEY (data_key_id);
ALTER TABLE ONLY control.database_logins
    ADD CONSTRAINT database_logins_pkey PRIMARY KEY (login);
ALTER TABLE ONLY control.devices
    ADD CONSTRAINT devices_pkey PRIMARY KEY (device_hash);
ALTER TABLE ONLY control.endpoints
    ADD CONSTRAINT endpoints_pkey PRIMARY KEY (endpoint_id);
ALTER TABLE ONLY control.exchange_rates
    ADD CONSTRAINT exchange_rates_pkey PRIMARY KEY (from_currency, to_currency, valid_from);
ALTER TABLE ONLY control.fixed_costs
    ADD CONSTRAINT fixed_costs_pkey PRIMARY KEY (fixed_cost_id, valid_from);
ALTER TABLE ONLY control.hooks
    ADD CONSTRAINT hooks_pkey PRIMARY KEY (hook_id);
ALTER TABLE ONLY control.login_links
    ADD CONSTRAINT login_links_pkey PRIMARY KEY (login_id);
ALTER TABLE ONLY control.login_links
    ADD CONSTRAINT login_links_token_hash_key UNIQUE (token_hash);
ALTER TABLE ONLY control.login_passwords
    ADD CONSTRAINT login_passwords_pkey PRIMARY KEY (login_id);
ALTER TABLE ONLY control.logins
    ADD CONSTRAINT logins_pkey PRIMARY KEY (login_id);
ALTER TABLE ONLY control.meters
    ADD CONSTRAINT meters_pkey PRIMARY KEY (meter_id);
ALTER TABLE ONLY control.meters
    ADD CONSTRAINT meters_stripe_event_name_key UNIQUE (stripe_event_name);
ALTER TABLE ONLY control.payment_fees
    ADD CONSTRAINT payment_fees_pkey PRIMARY KEY (currency, valid_from);
ALTER TABLE ONLY control.personal_choices
    ADD CONSTRAINT personal_choices_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY control.plan_terms
    ADD CONSTRAINT plan_terms_pkey PRIMARY KEY (plan_id, valid_from);
ALTER TABLE ONLY control.plans
    ADD CONSTRAINT plans_pkey PRIMARY KEY (plan_id);
ALTER TABLE ONLY control.prices
    ADD CONSTRAINT prices_pkey PRIMARY KEY (price_id);
ALTER TABLE ONLY control.provider_unit_costs
    ADD CONSTRAINT provider_unit_costs_pkey PRIMARY KEY (provider, unit, valid_from);
ALTER TABLE ONLY control.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (login_id, code_hash);
ALTER TABLE ONLY control.retention_periods
    ADD CONSTRAINT retention_periods_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY control.review_rules
    ADD CONSTRAINT review_rules_pkey PRIMARY KEY (is_only_row);
ALTER TABLE ONLY control.revision
    ADD CONSTRAINT revision_pkey PRIMARY KEY (is_only_row);
ALTER TABLE ONLY control.scope_kinds
    ADD CONSTRAINT scope_kinds_pkey PRIMARY KEY (kind);
ALTER TABLE ONLY control.search_languages
    ADD CONSTRAINT search_languages_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY control.second_factors
    ADD CONSTRAINT second_factors_pkey PRIMARY KEY (login_id);
ALTER TABLE ONLY control.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_hash);
ALTER TABLE ONLY control.sessions
    ADD CONSTRAINT sessions_session_id_key UNIQUE (session_id);
ALTER TABLE ONLY control.sources
    ADD CONSTRAINT sources_pkey PRIMARY KEY (source);
ALTER TABLE ONLY control.sources
    ADD CONSTRAINT sources_raw_schema_raw_table_key UNIQUE (raw_schema, raw_table);
ALTER TABLE ONLY control.spend_limits
    ADD CONSTRAINT spend_limits_pkey PRIMARY KEY (tenant_id, valid_from);
ALTER TABLE ONLY control.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (task_id);
ALTER TABLE ONLY control.tenant_plans
    ADD CONSTRAINT tenant_plans_pkey PRIMARY KEY (tenant_id, valid_from);
ALTER TABLE ONLY control.tenant_statuses
    ADD CONSTRAINT tenant_statuses_pkey PRIMARY KEY (tenant_id, valid_from);
ALTER TABLE ONLY control.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY control.tenants
    ADD CONSTRAINT tenants_stripe_customer_id_key UNIQUE (stripe_customer_id);
ALTER TABLE ONLY control.today_readings
    ADD CONSTRAINT today_readings_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY control.unit_costs
    ADD CONSTRAINT unit_costs_pkey PRIMARY KEY (meter_id, is_rest, valid_from);
ALTER TABLE ONLY control.wrong_tries
    ADD CONSTRAINT wrong_tries_pkey PRIMARY KEY (key_hash);
ALTER TABLE ONLY intake.adoptions
    ADD CONSTRAINT adoptions_pkey PRIMARY KEY (source, account, row_id);
ALTER TABLE ONLY intake.hook_notices
    ADD CONSTRAINT hook_notices_pkey PRIMARY KEY (hook_id, code, about);
ALTER TABLE ONLY intake.hook_uses
    ADD CONSTRAINT hook_uses_pkey PRIMARY KEY (hook_id);
ALTER TABLE ONLY intake.identities
    ADD CONSTRAINT identities_pkey PRIMARY KEY (tenant_id, source, event_id);
ALTER TABLE ONLY intake.key_uses
    ADD CONSTRAINT key_uses_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY intake.refusals
    ADD CONSTRAINT refusals_pkey PRIMARY KEY (tenant_id, source, event_id);
ALTER TABLE ONLY intake.replacements
    ADD CONSTRAINT replacements_pkey PRIMARY KEY (tenant_id, source, root_id, event_number);
ALTER TABLE ONLY intake.reports
    ADD CONSTRAINT reports_pkey PRIMARY KEY (report_id);
ALTER TABLE ONLY intake.reports
    ADD CONSTRAINT reports_source_account_row_id_content_hash_key UNIQUE (source, account, row_id, content_hash);
ALTER TABLE ONLY ledger.acceptances
    ADD CONSTRAINT acceptances_pkey PRIMARY KEY (acceptance_id);
ALTER TABLE ONLY ledger.alerts
    ADD CONSTRAINT alerts_pkey PRIMARY KEY (alert_id);
ALTER TABLE ONLY ledger.arrivals
    ADD CONSTRAINT arrivals_pkey PRIMARY KEY (arrival_id);
ALTER TABLE ONLY ledger.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (attempt_id);
ALTER TABLE ONLY ledger.audit_chain
    ADD CONSTRAINT audit_chain_entry_id_key UNIQUE (entry_id);
ALTER TABLE ONLY ledger.audit_chain
    ADD CONSTRAINT audit_chain_pkey PRIMARY KEY ("position");
ALTER TABLE ONLY ledger.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY ledger.automation_runs
    ADD CONSTRAINT automation_runs_pkey PRIMARY KEY (thread_id);
ALTER TABLE ONLY ledger.automation_runs
    ADD CONSTRAINT automation_runs_tenant_id_automation_account_source_call_id_key UNIQUE (tenant_id, automation, account, source, call_id);
ALTER TABLE ONLY ledger.builds
    ADD CONSTRAINT builds_pkey PRIMARY KEY (build_id);
ALTER TABLE ONLY ledger.campaigns
    ADD CONSTRAINT campaigns_pkey PRIMARY KEY (source, account, campaign_id);
ALTER TABLE ONLY ledger.cleanings
    ADD CONSTRAINT cleanings_pkey PRIMARY KEY (cleaning_id);
ALTER TABLE ONLY ledger.completed_calls
    ADD CONSTRAINT completed_calls_pkey PRIMARY KEY (source, account, call_id);
ALTER TABLE ONLY ledger.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (endpoint_id, event_number);
ALTER TABLE ONLY ledger.differences_told
    ADD CONSTRAINT differences_told_pkey PRIMARY KEY (tenant_id, meter_id, usage_date);
ALTER TABLE ONLY ledger.endpoint_states
    ADD CONSTRAINT endpoint_states_pkey PRIMARY KEY (endpoint_id);
ALTER TABLE ONLY ledger.final_lines
    ADD CONSTRAINT final_lines_pkey PRIMARY KEY (tenant_id, period_start, line);
ALTER TABLE ONLY ledger.invoice_items
    ADD CONSTRAINT invoice_items_identifier_key UNIQUE (identifier);
ALTER TABLE ONLY ledger.invoice_items
    ADD CONSTRAINT invoice_items_item_key_version_key UNIQUE (item_key, version);
ALTER TABLE ONLY ledger.invoice_items
    ADD CONSTRAINT invoice_items_pkey PRIMARY KEY (invoice_item_id);
ALTER TABLE ONLY ledger.invoice_items
    ADD CONSTRAINT invoice_items_stripe_id_key UNIQUE (stripe_id);
ALTER TABLE ONLY ledger.issued_statements
    ADD CONSTRAINT issued_statements_pkey PRIMARY KEY (tenant_id, period_start, revision);
ALTER TABLE ONLY ledger.known_gaps
    ADD CONSTRAINT known_gaps_tenant_id_source_account_usage_date_gap_item_age_key UNIQUE NULLS NOT DISTINCT (tenant_id, source, account, usage_date, gap, item, agent_id, quantity);
ALTER TABLE ONLY ledger.line_days
    ADD CONSTRAINT line_days_pkey PRIMARY KEY (line_id, usage_date);
ALTER TABLE ONLY ledger.line_pulls
    ADD CONSTRAINT line_pulls_pkey PRIMARY KEY (line_id, pull_id);
ALTER TABLE ONLY ledger.new_fields
    ADD CONSTRAINT new_fields_pkey PRIMARY KEY (source, field);
ALTER TABLE ONLY ledger.outgoing_events
    ADD CONSTRAINT outgoing_events_event_id_key UNIQUE (event_id);
ALTER TABLE ONLY ledger.outgoing_events
    ADD CONSTRAINT outgoing_events_pkey PRIMARY KEY (event_number);
ALTER TABLE ONLY ledger.packs
    ADD CONSTRAINT packs_pkey PRIMARY KEY (tenant_id, period_start, manifest_hash);
ALTER TABLE ONLY ledger.periods
    ADD CONSTRAINT periods_pkey PRIMARY KEY (tenant_id, period_start);
ALTER TABLE ONLY ledger.personal_choices_applied
    ADD CONSTRAINT personal_choices_applied_pkey PRIMARY KEY (tenant_id);
ALTER TABLE ONLY ledger.postings
    ADD CONSTRAINT postings_identifier_key UNIQUE (identifier);
ALTER TABLE ONLY ledger.postings
    ADD CONSTRAINT postings_pkey PRIMARY KEY (posting_id);
ALTER TABLE ONLY ledger.postings
    ADD CONSTRAINT postings_tenant_id_meter_id_usage_date_version_key UNIQUE (tenant_id, meter_id, usage_date, version);
ALTER TABLE ONLY ledger.pulls
    ADD CONSTRAINT pulls_pkey PRIMARY KEY (pull_id);
ALTER TABLE ONLY ledger.pulls_told
    ADD CONSTRAINT pulls_told_pkey PRIMARY KEY (pull_id);
ALTER TABLE ONLY ledger.quarantine
    ADD CONSTRAINT quarantine_pkey PRIMARY KEY (quarantine_id);
ALTER TABLE ONLY ledger.quarantine
    ADD CONSTRAINT quarantine_pull_id_item_key UNIQUE (pull_id, item);
ALTER TABLE ONLY ledger.quota_alerts
    ADD CONSTRAINT quota_alerts_pkey PRIMARY KEY (alert_id);
ALTER TABLE ONLY ledger.request_paces
    ADD CONSTRAINT request_paces_pkey PRIMARY KEY (provider, key_fingerprint);
ALTER TABLE ONLY ledger.statement_lines
    ADD CONSTRAINT statement_lines_pkey PRIMARY KEY (line_id);
ALTER TABLE ONLY ledger.stripe_acceptances
    ADD CONSTRAINT stripe_acceptances_pkey PRIMARY KEY (subject);
ALTER TABLE ONLY ledger.stripe_accounts
    ADD CONSTRAINT stripe_accounts_pkey PRIMARY KEY (adoption);
ALTER TABLE ONLY ledger.stripe_cache
    ADD CONSTRAINT stripe_cache_pkey PRIMARY KEY (kind, cache_key);
ALTER TABLE ONLY ledger.stripe_charges
    ADD CONSTRAINT stripe_charges_pkey PRIMARY KEY (tenant_id, meter_id, period_start);
ALTER TABLE ONLY ledger.stripe_day_summaries
    ADD CONSTRAINT stripe_day_summaries_pkey PRIMARY KEY (tenant_id, meter_id, usage_date);
ALTER TABLE ONLY ledger.stripe_events
    ADD CONSTRAINT stripe_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY ledger.stripe_invoice_states
    ADD CONSTRAINT stripe_invoice_states_pkey PRIMARY KEY (invoice_id);
ALTER TABLE ONLY ledger.stripe_item_states
    ADD CONSTRAINT stripe_item_states_pkey PRIMARY KEY (identifier);
ALTER TABLE ONLY ledger.stripe_keys
    ADD CONSTRAINT stripe_keys_pkey PRIMARY KEY (key_digest);
ALTER TABLE ONLY minutebook.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);
CREATE INDEX checkpoint_blobs_thread_id_idx ON automations.checkpoint_blobs USING btree (thread_id);
CREATE INDEX checkpoint_writes_thread_id_idx ON automations.checkpoint_writes USING btree (thread_id);
CREATE INDEX checkpoints_thread_id_idx ON automations.checkpoints USING btree (thread_id);
CREATE UNIQUE INDEX a_page_asks_once ON control.tasks USING btree (page, steps) WHERE (ended_at IS NULL);
CREATE INDEX api_keys_of_a_tenant ON control.api_keys USING btree (tenant_id);
CREATE UNIQUE INDEX credential_candidates_one_each ON control.credential_candidates USING btree (COALESCE(tenant_id, 'platform'::text), provider);
CREATE UNIQUE INDEX credentials_one_live ON control.credentials USING btree (COALESCE(tenant_id, 'platform'::text), provider) WHERE (retired_at IS NULL);
CREATE UNIQUE INDEX data_keys_one_per_owner ON control.data_keys USING btree (COALESCE(tenant_id, 'platform'::text));
CREATE INDEX devices_of_a_login ON control.devices USING btree (login_id);
CREATE INDEX endpoints_of_a_tenant ON control.endpoints USING btree (tenant_id);
CREATE INDEX hooks_of_an_account ON control.hooks USING btree (provider, tenant_id);
CREATE UNIQUE INDEX prices_one_per_plan_day ON control.prices USING btree (plan_id, meter_id, valid_from) WHERE (plan_id IS NOT NULL);
CREATE UNIQUE INDEX prices_one_per_tenant_day ON control.prices USING btree (tenant_id, meter_id, valid_from) WHERE (tenant_id IS NOT NULL);
CREATE INDEX sessions_of_a_login ON control.sessions USING btree (login_id);
CREATE INDEX tasks_by_page ON control.tasks USING btree (page, asked_at);
CREATE UNIQUE INDEX tenants_one_canary ON control.tenants USING btree (is_canary) WHERE is_canary;
CREATE INDEX wrong_tries_by_age ON control.wrong_tries USING btree (begun_at);
CREATE INDEX adoptions_of_a_day ON intake.adoptions USING btree (source, account, usage_date);
CREATE INDEX events_of_a_day ON ONLY intake.events USING btree (tenant_id, usage_date, event_number);
CREATE INDEX events_of_other_months_tenant_id_usage_date_event_number_idx ON intake.events_of_other_months USING btree (tenant_id, usage_date, event_number);
CREATE INDEX reports_of_a_day ON intake.reports USING btree (source, usage_date, account, row_id);
CREATE UNIQUE INDEX a_number_is_given_once ON ledger.issued_statements USING btree (number) WHERE (revision = 1);
CREATE UNIQUE INDEX a_place_is_given_once ON ledger.issued_statements USING btree (place) WHERE (revision = 1);
CREATE INDEX acceptances_of_a_day ON ledger.acceptances USING btree (source, account, usage_date, doubt, subject);
CREATE INDEX alerts_by_end ON ledger.alerts USING btree (resolved_at);
CREATE INDEX alerts_of_a_tenant ON ledger.alerts USING btree (tenant_id);
CREATE UNIQUE INDEX alerts_open ON ledger.alerts USING btree (rule, subject, tenant_id) NULLS NOT DISTINCT WHERE (resolved_at IS NULL);
CREATE INDEX arrivals_of_a_day ON ledger.arrivals USING btree (tenant_id, source, usage_date);
CREATE INDEX audit_log_of_a_tenant ON ledger.audit_log USING btree (tenant_id, entry_id);
CREATE INDEX automation_runs_by_end ON ledger.automation_runs USING btree (ended_at);
CREATE INDEX automation_runs_due ON ledger.automation_runs USING btree (tenant_id, due_at) WHERE (state = 'open'::text);
CREATE INDEX completed_calls_by_day ON ledger.completed_calls USING btree (usage_date);
CREATE INDEX deliveries_by_attempt ON ledger.deliveries USING btree (state, attempted_at);
CREATE INDEX deliveries_due ON ledger.deliveries USING btree (endpoint_id, next_attempt_at, event_number) WHERE ((state = 'waiting'::text) AND (next_attempt_at IS NOT NULL));
CREATE INDEX deliveries_of_a_subject ON ledger.deliveries USING btree (endpoint_id, subject, event_number) WHERE (state = 'waiting'::text);
CREATE INDEX deliveries_of_an_event ON ledger.deliveries USING btree (event_number);
CREATE UNIQUE INDEX invoice_items_one_pending ON ledger.invoice_items USING btree (item_key) WHERE (state = 'pending'::text);
CREATE INDEX line_objects_of_line ON ledger.line_objects USING btree (line_id, usage_date);
CREATE INDEX outgoing_events_by_age ON ledger.outgoing_events USING btree (happened_at);
CREATE INDEX postings_by_day ON ledger.postings USING btree (usage_date);
CREATE UNIQUE INDEX postings_one_pending ON ledger.postings USING btree (tenant_id, meter_id, usage_date) WHERE (state = 'pending'::text);
CREATE INDEX pulls_by_closing ON ledger.pulls USING btree (closed_at) WHERE (state = 'published'::text);
CREATE INDEX pulls_by_usage_date ON ledger.pulls USING btree (usage_date);
CREATE INDEX pulls_confirmed ON ledger.pulls USING btree (confirms_pull_id) WHERE (confirms_pull_id IS NOT NULL);
CREATE INDEX pulls_in_doubt ON ledger.pulls USING btree (source, account, usage_date) WHERE (evidence IS NOT NULL);
CREATE INDEX pulls_of_a_day ON ledger.pulls USING btree (source, account, usage_date, pull_id);
CREATE UNIQUE INDEX pulls_one_current ON ledger.pulls USING btree (source, account, usage_date) WHERE (state = 'published'::text);
CREATE UNIQUE INDEX pulls_one_reading ON ledger.pulls USING btree (source, account, usage_date) WHERE (state = 'reading'::text);
CREATE INDEX pulls_to_purge ON ledger.pulls USING btree (source, closed_at) WHERE ((state = ANY (ARRAY['superseded'::text, 'failed'::text, 'unchanged'::text])) AND (purged_at IS NULL));
CREATE INDEX pulls_with_results ON ledger.pulls USING btree (confirms_pull_id, pull_id) WHERE holds_results;
CREATE INDEX quota_alerts_latest ON ledger.quota_alerts USING btree (tenant_id, period_start, quota, threshold, alert_id DESC);
CREATE INDEX stripe_events_by_object ON ledger.stripe_events USING btree (object_id);
CREATE INDEX stripe_events_waiting ON ledger.stripe_events USING btree (received_at) WHERE (state <> 'processed'::text);
ALTER INDEX intake.events_of_a_day ATTACH PARTITION intake.events_of_other_months_tenant_id_usage_date_event_number_idx;
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.agent_attachments FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.agents FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.allowances FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.call_outputs FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.call_rubrics FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.cost_coverage FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE OF used_from, retired_at ON control.credentials FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.credit_voids FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.credits FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.exchange_rates FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.fixed_costs FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.meters FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.payment_fees FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.plan_terms FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.plans FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.prices FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.provider_unit_costs FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.scope_kinds FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.search_languages FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.sources FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.tenant_plans FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.tenant_statuses FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.tenants FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON control.unit_costs FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.agent_attachments FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.agents FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.allowances FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.api_keys FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.brands FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.call_outputs FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.call_rubrics FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.cost_coverage FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.credential_candidates FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.credentials FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.credit_voids FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.credits FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.data_keys FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.database_logins FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.endpoints FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.exchange_rates FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.fixed_costs FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.hooks FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.login_links FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.login_passwords FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.logins FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.meters FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.payment_fees FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.personal_choices FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.plan_terms FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.plans FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.prices FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.provider_unit_costs FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.retention_periods FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.review_rules FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.scope_kinds FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.search_languages FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.sessions FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.sources FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.spend_limits FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT ON control.tasks FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.tenant_plans FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.tenant_statuses FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.tenants FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.today_readings FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON control.unit_costs FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER counted_once BEFORE INSERT OR UPDATE OF source, item, attribute_filter ON control.meters FOR EACH ROW EXECUTE FUNCTION control.refuse_counted_twice();
CREATE TRIGGER have_choices_applied_again AFTER INSERT OR UPDATE ON control.agent_attachments FOR EACH ROW EXECUTE FUNCTION control.have_choices_applied_again();
CREATE TRIGGER two_at_a_time BEFORE INSERT ON control.api_keys FOR EACH ROW EXECUTE FUNCTION control.limit_api_keys();
CREATE TRIGGER two_at_a_time BEFORE INSERT ON control.hooks FOR EACH ROW EXECUTE FUNCTION control.limit_hooks();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON intake.adoptions FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER advance_revision AFTER INSERT OR DELETE OR UPDATE ON ledger.acceptances FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision AFTER DELETE ON ledger.periods FOR EACH ROW EXECUTE FUNCTION control.advance_revision();
CREATE TRIGGER advance_revision_by_period BEFORE INSERT OR UPDATE ON ledger.periods FOR EACH ROW EXECUTE FUNCTION control.advance_revision_by_period();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON ledger.acceptances FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON ledger.cleanings FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT ON ledger.issued_statements FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER DELETE OR UPDATE ON ledger.new_fields FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON ledger.periods FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON ledger.personal_choices_applied FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE ON ledger.statement_lines FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT OR DELETE OR UPDATE ON ledger.stripe_acceptances FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE TRIGGER audit AFTER INSERT ON ledger.stripe_accounts FOR EACH ROW EXECUTE FUNCTION ledger.record_audit();
CREATE CONSTRAINT TRIGGER chain AFTER INSERT ON ledger.audit_log DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.chain_audit();
CREATE TRIGGER guard BEFORE DELETE OR UPDATE ON ledger.invoice_items FOR EACH ROW EXECUTE FUNCTION ledger.guard_invoice_item();
CREATE TRIGGER guard BEFORE DELETE OR UPDATE ON ledger.postings FOR EACH ROW EXECUTE FUNCTION ledger.guard_posting();
CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.audit_chain FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.audit_log FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.issued_statements FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.packs FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.stripe_accounts FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER keep BEFORE TRUNCATE ON ledger.invoice_items FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER keep BEFORE TRUNCATE ON ledger.postings FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER stamp BEFORE INSERT ON ledger.invoice_items FOR EACH ROW EXECUTE FUNCTION ledger.stamp_stripe_account();
CREATE TRIGGER stamp BEFORE INSERT ON ledger.postings FOR EACH ROW EXECUTE FUNCTION ledger.stamp_stripe_account();
CREATE TRIGGER tell AFTER INSERT ON ledger.periods FOR EACH ROW WHEN ((new.state = ANY (ARRAY['approved'::text, 'closed'::text]))) EXECUTE FUNCTION ledger.tell_of_period();
CREATE TRIGGER tell AFTER UPDATE OF state ON ledger.pulls FOR EACH ROW WHEN (((old.state = 'reading'::text) AND (new.state = ANY (ARRAY['failed'::text, 'published'::text])))) EXECUTE FUNCTION ledger.tell_of_pull();
CREATE TRIGGER tell AFTER INSERT ON ledger.quota_alerts FOR EACH ROW WHEN ((new.event = 'crossed'::text)) EXECUTE FUNCTION ledger.tell_of_quota();
CREATE TRIGGER tell AFTER INSERT ON ledger.statement_lines REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger.tell_of_corrections();
CREATE TRIGGER tell_of_change AFTER UPDATE OF state ON ledger.periods FOR EACH ROW WHEN (((new.state = ANY (ARRAY['approved'::text, 'closed'::text])) AND (new.state <> old.state))) EXECUTE FUNCTION ledger.tell_of_period();
ALTER TABLE ONLY control.agent_attachments
    ADD CONSTRAINT agent_attachments_kind_fkey FOREIGN KEY (kind) REFERENCES control.scope_kinds(kind);
ALTER TABLE ONLY control.agent_attachments
    ADD CONSTRAINT agent_attachments_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES control.agents(tenant_id, agent_id);
ALTER TABLE ONLY control.agent_attachments
    ADD CONSTRAINT agent_attachments_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.agents
    ADD CONSTRAINT agents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.allowances
    ADD CONSTRAINT allowances_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY control.allowances
    ADD CONSTRAINT allowances_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES control.plans(plan_id);
ALTER TABLE ONLY control.api_keys
    ADD CONSTRAINT api_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.brands
    ADD CONSTRAINT brands_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.call_outputs
    ADD CONSTRAINT call_outputs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.call_rubrics
    ADD CONSTRAINT call_rubrics_kind_fkey FOREIGN KEY (kind) REFERENCES control.scope_kinds(kind);
ALTER TABLE ONLY control.call_rubrics
    ADD CONSTRAINT call_rubrics_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.cost_coverage
    ADD CONSTRAINT cost_coverage_cost_source_fkey FOREIGN KEY (cost_source) REFERENCES control.sources(source);
ALTER TABLE ONLY control.cost_coverage
    ADD CONSTRAINT cost_coverage_source_fkey FOREIGN KEY (source) REFERENCES control.sources(source);
ALTER TABLE ONLY control.cost_coverage
    ADD CONSTRAINT cost_coverage_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES control.agents(tenant_id, agent_id);
ALTER TABLE ONLY control.cost_coverage
    ADD CONSTRAINT cost_coverage_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.credential_candidates
    ADD CONSTRAINT credential_candidates_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES control.data_keys(data_key_id);
ALTER TABLE ONLY control.credential_candidates
    ADD CONSTRAINT credential_candidates_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.credentials
    ADD CONSTRAINT credentials_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES control.data_keys(data_key_id);
ALTER TABLE ONLY control.credentials
    ADD CONSTRAINT credentials_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.credit_voids
    ADD CONSTRAINT credit_voids_credit_id_fkey FOREIGN KEY (credit_id) REFERENCES control.credits(credit_id);
ALTER TABLE ONLY control.credit_voids
    ADD CONSTRAINT credit_voids_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.credits
    ADD CONSTRAINT credits_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.data_keys
    ADD CONSTRAINT data_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.database_logins
    ADD CONSTRAINT database_logins_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.devices
    ADD CONSTRAINT devices_login_id_fkey FOREIGN KEY (login_id) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.endpoints
    ADD CONSTRAINT endpoints_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES control.data_keys(data_key_id);
ALTER TABLE ONLY control.endpoints
    ADD CONSTRAINT endpoints_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.hooks
    ADD CONSTRAINT hooks_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES control.data_keys(data_key_id);
ALTER TABLE ONLY control.hooks
    ADD CONSTRAINT hooks_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.login_links
    ADD CONSTRAINT login_links_login_id_fkey FOREIGN KEY (login_id) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.login_passwords
    ADD CONSTRAINT login_passwords_login_id_fkey FOREIGN KEY (login_id) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.logins
    ADD CONSTRAINT logins_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.meters
    ADD CONSTRAINT meters_source_fkey FOREIGN KEY (source) REFERENCES control.sources(source);
ALTER TABLE ONLY control.personal_choices
    ADD CONSTRAINT personal_choices_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.plan_terms
    ADD CONSTRAINT plan_terms_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES control.plans(plan_id);
ALTER TABLE ONLY control.plan_terms
    ADD CONSTRAINT plan_terms_voice_meter_id_fkey FOREIGN KEY (voice_meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY control.prices
    ADD CONSTRAINT prices_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY control.prices
    ADD CONSTRAINT prices_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES control.plans(plan_id);
ALTER TABLE ONLY control.prices
    ADD CONSTRAINT prices_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.recovery_codes
    ADD CONSTRAINT recovery_codes_login_id_fkey FOREIGN KEY (login_id) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.retention_periods
    ADD CONSTRAINT retention_periods_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.search_languages
    ADD CONSTRAINT search_languages_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.second_factors
    ADD CONSTRAINT second_factors_data_key_id_fkey FOREIGN KEY (data_key_id) REFERENCES control.data_keys(data_key_id);
ALTER TABLE ONLY control.second_factors
    ADD CONSTRAINT second_factors_login_id_fkey FOREIGN KEY (login_id) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.sessions
    ADD CONSTRAINT sessions_login_id_fkey FOREIGN KEY (login_id) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.spend_limits
    ADD CONSTRAINT spend_limits_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.tasks
    ADD CONSTRAINT tasks_asked_by_fkey FOREIGN KEY (asked_by) REFERENCES control.logins(login_id);
ALTER TABLE ONLY control.tenant_plans
    ADD CONSTRAINT tenant_plans_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES control.plans(plan_id);
ALTER TABLE ONLY control.tenant_plans
    ADD CONSTRAINT tenant_plans_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.tenant_statuses
    ADD CONSTRAINT tenant_statuses_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.today_readings
    ADD CONSTRAINT today_readings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY control.unit_costs
    ADD CONSTRAINT unit_costs_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY intake.adoptions
    ADD CONSTRAINT adoptions_source_fkey FOREIGN KEY (source) REFERENCES control.sources(source);
ALTER TABLE ONLY intake.adoptions
    ADD CONSTRAINT adoptions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY intake.hook_notices
    ADD CONSTRAINT hook_notices_hook_id_fkey FOREIGN KEY (hook_id) REFERENCES control.hooks(hook_id);
ALTER TABLE ONLY intake.hook_uses
    ADD CONSTRAINT hook_uses_hook_id_fkey FOREIGN KEY (hook_id) REFERENCES control.hooks(hook_id);
ALTER TABLE ONLY intake.key_uses
    ADD CONSTRAINT key_uses_key_id_fkey FOREIGN KEY (key_id) REFERENCES control.api_keys(key_id);
ALTER TABLE ONLY intake.reports
    ADD CONSTRAINT reports_hook_id_fkey FOREIGN KEY (hook_id) REFERENCES control.hooks(hook_id);
ALTER TABLE ONLY ledger.acceptances
    ADD CONSTRAINT acceptances_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.alerts
    ADD CONSTRAINT alerts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.arrivals
    ADD CONSTRAINT arrivals_source_fkey FOREIGN KEY (source) REFERENCES control.sources(source);
ALTER TABLE ONLY ledger.audit_chain
    ADD CONSTRAINT audit_chain_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES ledger.audit_log(entry_id);
ALTER TABLE ONLY ledger.automation_runs
    ADD CONSTRAINT automation_runs_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.campaigns
    ADD CONSTRAINT campaigns_source_fkey FOREIGN KEY (source) REFERENCES control.sources(source);
ALTER TABLE ONLY ledger.deliveries
    ADD CONSTRAINT deliveries_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES control.endpoints(endpoint_id);
ALTER TABLE ONLY ledger.deliveries
    ADD CONSTRAINT deliveries_event_number_fkey FOREIGN KEY (event_number) REFERENCES ledger.outgoing_events(event_number) ON DELETE CASCADE;
ALTER TABLE ONLY ledger.endpoint_states
    ADD CONSTRAINT endpoint_states_endpoint_id_fkey FOREIGN KEY (endpoint_id) REFERENCES control.endpoints(endpoint_id);
ALTER TABLE ONLY ledger.final_lines
    ADD CONSTRAINT final_lines_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.invoice_items
    ADD CONSTRAINT invoice_items_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.issued_statements
    ADD CONSTRAINT issued_statements_tenant_id_period_start_fkey FOREIGN KEY (tenant_id, period_start) REFERENCES ledger.periods(tenant_id, period_start);
ALTER TABLE ONLY ledger.line_days
    ADD CONSTRAINT line_days_line_id_fkey FOREIGN KEY (line_id) REFERENCES ledger.statement_lines(line_id);
ALTER TABLE ONLY ledger.line_objects
    ADD CONSTRAINT line_objects_line_id_fkey FOREIGN KEY (line_id) REFERENCES ledger.statement_lines(line_id);
ALTER TABLE ONLY ledger.line_pulls
    ADD CONSTRAINT line_pulls_line_id_fkey FOREIGN KEY (line_id) REFERENCES ledger.statement_lines(line_id);
ALTER TABLE ONLY ledger.packs
    ADD CONSTRAINT packs_tenant_id_period_start_fkey FOREIGN KEY (tenant_id, period_start) REFERENCES ledger.periods(tenant_id, period_start);
ALTER TABLE ONLY ledger.periods
    ADD CONSTRAINT periods_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.personal_choices_applied
    ADD CONSTRAINT personal_choices_applied_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.postings
    ADD CONSTRAINT postings_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY ledger.postings
    ADD CONSTRAINT postings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.pulls
    ADD CONSTRAINT pulls_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES ledger.attempts(attempt_id);
ALTER TABLE ONLY ledger.pulls
    ADD CONSTRAINT pulls_confirms_pull_id_fkey FOREIGN KEY (confirms_pull_id) REFERENCES ledger.pulls(pull_id);
ALTER TABLE ONLY ledger.pulls
    ADD CONSTRAINT pulls_source_fkey FOREIGN KEY (source) REFERENCES control.sources(source);
ALTER TABLE ONLY ledger.pulls
    ADD CONSTRAINT pulls_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.pulls_told
    ADD CONSTRAINT pulls_told_pull_id_fkey FOREIGN KEY (pull_id) REFERENCES ledger.pulls(pull_id);
ALTER TABLE ONLY ledger.quarantine
    ADD CONSTRAINT quarantine_pull_id_fkey FOREIGN KEY (pull_id) REFERENCES ledger.pulls(pull_id);
ALTER TABLE ONLY ledger.quarantine
    ADD CONSTRAINT quarantine_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.quota_alerts
    ADD CONSTRAINT quota_alerts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.statement_lines
    ADD CONSTRAINT statement_lines_tenant_id_period_start_fkey FOREIGN KEY (tenant_id, period_start) REFERENCES ledger.periods(tenant_id, period_start);
ALTER TABLE ONLY ledger.stripe_acceptances
    ADD CONSTRAINT stripe_acceptances_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.stripe_charges
    ADD CONSTRAINT stripe_charges_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY ledger.stripe_charges
    ADD CONSTRAINT stripe_charges_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.stripe_day_summaries
    ADD CONSTRAINT stripe_day_summaries_meter_id_fkey FOREIGN KEY (meter_id) REFERENCES control.meters(meter_id);
ALTER TABLE ONLY ledger.stripe_day_summaries
    ADD CONSTRAINT stripe_day_summaries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.stripe_events
    ADD CONSTRAINT stripe_events_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.stripe_invoice_states
    ADD CONSTRAINT stripe_invoice_states_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE ONLY ledger.stripe_item_states
    ADD CONSTRAINT stripe_item_states_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES control.tenants(tenant_id);
ALTER TABLE automations.checkpoint_blobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE automations.checkpoint_writes ENABLE ROW LEVEL SECURITY;
ALTER TABLE automations.checkpoints ENABLE ROW LEVEL SECURITY;
CREATE POLICY metering ON automations.checkpoint_blobs FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY metering ON automations.checkpoint_writes FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY metering ON automations.checkpoints FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY of_its_tenant ON automations.checkpoint_blobs TO minutebook_automations USING ((split_part(thread_id, '/'::text, 1) = ( SELECT current_setting('minutebook.tenant_id'::text, true) AS current_setting))) WITH CHECK ((split_part(thread_id, '/'::text, 1) = ( SELECT current_setting('minutebook.tenant_id'::text, true) AS current_setting)));
CREATE POLICY of_its_tenant ON automations.checkpoint_writes TO minutebook_automations USING ((split_part(thread_id, '/'::text, 1) = ( SELECT current_setting('minutebook.tenant_id'::text, true) AS current_setting))) WITH CHECK ((split_part(thread_id, '/'::text, 1) = ( SELECT current_setting('minutebook.tenant_id'::text, true) AS current_setting)));
CREATE POLICY of_its_tenant ON automations.checkpoints TO minutebook_automations USING ((split_part(thread_id, '/'::text, 1) = ( SELECT current_setting('minutebook.tenant_id'::text, true) AS current_setting))) WITH CHECK ((split_part(thread_id, '/'::text, 1) = ( SELECT current_setting('minutebook.tenant_id'::text, true) AS current_setting)));
CREATE POLICY owner ON automations.checkpoint_blobs TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON automations.checkpoint_writes TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON automations.checkpoints TO CURRENT_USER USING (true) WITH CHECK (true);
ALTER TABLE control.agent_attachments ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.agents ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.brands ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.call_outputs ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.call_rubrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.cost_coverage ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.credential_candidates ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.credit_voids ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.credits ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.data_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.database_logins ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.endpoints ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.hooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.logins ENABLE ROW LEVEL SECURITY;
CREATE POLICY operators ON control.api_keys TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY operators ON control.hooks TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.api_keys TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.credential_candidates FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON control.credentials FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON control.credit_voids TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.database_logins TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.endpoints TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.hooks TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.logins TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON control.personal_choices TO CURRENT_USER USING (true) WITH CHECK (true);
ALTER TABLE control.personal_choices ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.prices ENABLE ROW LEVEL SECURITY;
CREATE POLICY processes ON control.agent_attachments TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.agents TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.brands TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.call_outputs TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.call_rubrics TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.cost_coverage TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.credential_candidates TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.credentials TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.credit_voids TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.credits TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.data_keys TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.database_logins FOR SELECT TO minutebook_operator USING (true);
CREATE POLICY processes ON control.endpoints TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.logins TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.personal_choices TO minutebook_loader, minutebook_transformer, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.prices TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.retention_periods TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.search_languages TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.spend_limits TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.tenant_plans TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.tenant_statuses TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.tenants TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON control.today_readings TO minutebook_loader, minutebook_transformer, minutebook_operator USING (true) WITH CHECK (true);
ALTER TABLE control.retention_periods ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.search_languages ENABLE ROW LEVEL SECURITY;
CREATE POLICY server ON control.brands FOR SELECT TO minutebook_server USING (true);
CREATE POLICY server ON control.data_keys TO minutebook_server USING ((tenant_id IS NULL)) WITH CHECK ((tenant_id IS NULL));
CREATE POLICY server ON control.logins TO minutebook_server USING (true) WITH CHECK (true);
CREATE POLICY server ON control.tenants FOR SELECT TO minutebook_server USING (true);
ALTER TABLE control.spend_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.tenant_plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.tenant_statuses ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE control.today_readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.adoptions ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.events ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.events_of_other_months ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.hook_notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.identities ENABLE ROW LEVEL SECURITY;
CREATE POLICY intake ON intake.events FOR INSERT TO minutebook_intake WITH CHECK ((tenant_id = ( SELECT intake.pushing_tenant() AS pushing_tenant)));
CREATE POLICY intake ON intake.identities TO minutebook_intake USING ((tenant_id = ( SELECT intake.pushing_tenant() AS pushing_tenant))) WITH CHECK ((tenant_id = ( SELECT intake.pushing_tenant() AS pushing_tenant)));
CREATE POLICY intake ON intake.replacements TO minutebook_intake USING ((tenant_id = ( SELECT intake.pushing_tenant() AS pushing_tenant))) WITH CHECK ((tenant_id = ( SELECT intake.pushing_tenant() AS pushing_tenant)));
CREATE POLICY loader ON intake.adoptions FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY loader ON intake.events FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY loader ON intake.replacements FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY loader ON intake.reports FOR SELECT TO minutebook_loader USING (true);
CREATE POLICY operators ON intake.hook_notices TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.adoptions TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.events TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.events_of_other_months TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.hook_notices TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.identities TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.refusals TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.replacements TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON intake.reports TO CURRENT_USER USING (true) WITH CHECK (true);
ALTER TABLE intake.refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.replacements ENABLE ROW LEVEL SECURITY;
ALTER TABLE intake.reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY rows_of_the_reader ON intake.events FOR SELECT TO minutebook_tenant USING ((tenant_id = ( SELECT control.reading_tenant() AS reading_tenant)));
CREATE POLICY rows_of_the_reader ON intake.identities FOR SELECT TO minutebook_tenant USING ((tenant_id = ( SELECT control.reading_tenant() AS reading_tenant)));
CREATE POLICY rows_of_the_reader ON intake.refusals FOR SELECT TO minutebook_tenant USING ((tenant_id = ( SELECT control.reading_tenant() AS reading_tenant)));
CREATE POLICY rows_of_the_reader ON intake.replacements FOR SELECT TO minutebook_tenant USING ((tenant_id = ( SELECT control.reading_tenant() AS reading_tenant)));
ALTER TABLE ledger.acceptances ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.arrivals ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_trigger ON ledger.audit_log FOR INSERT TO CURRENT_USER WITH CHECK (true);
ALTER TABLE ledger.automation_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.campaigns ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.cleanings ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.completed_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.deliveries ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.differences_told ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.endpoint_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.final_lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY intake ON ledger.arrivals FOR INSERT TO minutebook_intake WITH CHECK ((tenant_id = ( SELECT intake.pushing_tenant() AS pushing_tenant)));
ALTER TABLE ledger.invoice_items ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.issued_statements ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.known_gaps ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.line_days ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.line_objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.line_pulls ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.new_fields ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.outgoing_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY owner ON ledger.acceptances TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.alerts TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.arrivals TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.audit_log FOR SELECT TO CURRENT_USER USING (true);
CREATE POLICY owner ON ledger.automation_runs TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.cleanings TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.completed_calls TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.deliveries TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.differences_told TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.endpoint_states TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.line_days TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.line_objects TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.line_pulls TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.new_fields TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.outgoing_events TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.personal_choices_applied TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.pulls TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.quarantine TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.statement_lines TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.stripe_accounts TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.stripe_charges TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.stripe_invoice_states TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.stripe_item_states TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY owner ON ledger.stripe_keys TO CURRENT_USER USING (true) WITH CHECK (true);
ALTER TABLE ledger.packs ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.periods ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.personal_choices_applied ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.postings ENABLE ROW LEVEL SECURITY;
CREATE POLICY processes ON ledger.acceptances TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.alerts TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.arrivals TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.audit_log TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.automation_runs TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.campaigns TO minutebook_loader, minutebook_transformer, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.cleanings TO minutebook_loader, minutebook_transformer, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.deliveries TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.endpoint_states TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.final_lines TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.invoice_items TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.issued_statements TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.known_gaps TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.line_days TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.line_objects TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.line_pulls TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.new_fields TO minutebook_loader, minutebook_transformer, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.outgoing_events TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.packs TO minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.periods TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.personal_choices_applied TO minutebook_loader, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.postings TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.pulls TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.quarantine TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.quota_alerts TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.statement_lines TO minutebook_loader, minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_acceptances TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_accounts TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_charges TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_day_summaries TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_events TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_invoice_states TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_item_states TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
CREATE POLICY processes ON ledger.stripe_keys TO minutebook_transformer, minutebook_billing, minutebook_operator USING (true) WITH CHECK (true);
ALTER TABLE ledger.pulls ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.quarantine ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.quota_alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.statement_lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_acceptances ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_charges ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_day_summaries ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_invoice_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_item_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.stripe_keys ENABLE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA automations TO minutebook_automations;
GRANT USAGE ON SCHEMA automations TO minutebook_loader;
GRANT USAGE ON SCHEMA contracts TO minutebook_transformer;
GRANT USAGE ON SCHEMA control TO minutebook_loader;
GRANT USAGE ON SCHEMA control TO minutebook_transformer;
GRANT USAGE ON SCHEMA control TO minutebook_billing;
GRANT USAGE ON SCHEMA control TO minutebook_operator;
GRANT USAGE ON SCHEMA control TO minutebook_server;
GRANT USAGE ON SCHEMA control TO minutebook_searcher;
GRANT USAGE ON SCHEMA intake TO minutebook_intake;
GRANT USAGE ON SCHEMA intake TO minutebook_loader;
GRANT USAGE ON SCHEMA intake TO minutebook_operator;
GRANT USAGE ON SCHEMA intake TO minutebook_tenant;
GRANT USAGE ON SCHEMA intake TO minutebook_transformer;
GRANT USAGE ON SCHEMA ledger TO minutebook_loader;
GRANT USAGE ON SCHEMA ledger TO minutebook_transformer;
GRANT USAGE ON SCHEMA ledger TO minutebook_billing;
GRANT USAGE ON SCHEMA ledger TO minutebook_operator;
GRANT USAGE ON SCHEMA ledger TO minutebook_server;
GRANT USAGE ON SCHEMA ledger TO minutebook_intake;
GRANT USAGE ON SCHEMA ledger TO minutebook_searcher;
GRANT USAGE ON SCHEMA marts TO minutebook_loader;
GRANT USAGE ON SCHEMA marts TO minutebook_billing;
GRANT USAGE ON SCHEMA marts TO minutebook_operator;
GRANT USAGE ON SCHEMA marts TO minutebook_analyst;
GRANT USAGE ON SCHEMA marts TO minutebook_tenant;
GRANT USAGE ON SCHEMA marts TO minutebook_searcher;
GRANT USAGE ON SCHEMA minutebook TO minutebook_operator;
REVOKE ALL ON FUNCTION automations.lock_thread(of_thread text) FROM PUBLIC;
GRANT ALL ON FUNCTION automations.lock_thread(of_thread text) TO minutebook_automations;
REVOKE ALL ON FUNCTION automations.unlock_thread(of_thread text) FROM PUBLIC;
GRANT ALL ON FUNCTION automations.unlock_thread(of_thread text) TO minutebook_automations;
REVOKE ALL ON FUNCTION control.advance_revision() FROM PUBLIC;
REVOKE ALL ON FUNCTION control.advance_revision_by_period() FROM PUBLIC;
REVOKE ALL ON FUNCTION control.limit_api_keys() FROM PUBLIC;
REVOKE ALL ON FUNCTION control.limit_hooks() FROM PUBLIC;
GRANT SELECT,INSERT ON TABLE control.endpoints TO minutebook_operator;
GRANT UPDATE(ciphertext) ON TABLE control.endpoints TO minutebook_operator;
GRANT UPDATE(revoked_at) ON TABLE control.endpoints TO minutebook_operator;
REVOKE ALL ON FUNCTION control.listening(of_type text, of_tenant text) FROM PUBLIC;
REVOKE ALL ON FUNCTION control.reading_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION control.reading_tenant() TO minutebook_tenant;
GRANT ALL ON FUNCTION control.reading_tenant() TO minutebook_searcher;
REVOKE ALL ON FUNCTION control.shut_out_tenant(of_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION control.shut_out_tenant(of_tenant text) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.adopt(of_source text, of_account text, of_row text, why text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.adopt(of_source text, of_account text, of_row text, why text) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.erase_reports(of_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.erase_reports(of_tenant text) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.forget_personal_data(of_tenant text, before_date date) FROM PUBLIC;
REVOKE ALL ON FUNCTION intake.frozen_line_of(of_arrivals text, of_source text, of_event text, of_line text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.frozen_line_of(of_arrivals text, of_source text, of_event text, of_line text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.hook_of(of_hook text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.hook_of(of_hook text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.key_of(of_key text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.key_of(of_key text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.make_month(of_month date) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.make_month(of_month date) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.missing_events(of_source text, first_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.missing_events(of_source text, first_day date) TO minutebook_operator;
GRANT ALL ON FUNCTION intake.missing_events(of_source text, first_day date) TO minutebook_transformer;
REVOKE ALL ON FUNCTION intake.pushing_tenant() FROM PUBLIC;
GRANT ALL ON FUNCTION intake.pushing_tenant() TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.read_as(of_arrivals text, of_pull bigint, of_source text, of_event text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.read_as(of_arrivals text, of_pull bigint, of_source text, of_event text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.refuse_events(sources text[], event_ids text[], codes text[], details text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.refuse_events(sources text[], event_ids text[], codes text[], details text[]) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.reported_rows(first_day date, last_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.reported_rows(first_day date, last_day date) TO minutebook_loader;
GRANT ALL ON FUNCTION intake.reported_rows(first_day date, last_day date) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.take_events(of_arrivals text, sources text[], event_ids text[], types text[], subjects text[], happened timestamp with time zone[], hashes bytea[], contents bigint[], replaced text[], facts text[], personal text[]) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.take_events(of_arrivals text, sources text[], event_ids text[], types text[], subjects text[], happened timestamp with time zone[], hashes bytea[], contents bigint[], replaced text[], facts text[], personal text[]) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.take_notice(of_hook text, of_code text, whom text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.take_notice(of_hook text, of_code text, whom text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.take_replacement(of_arrivals text, of_source text, of_event text, of_type text, of_subject text, happened timestamp with time zone, hash bytea, content bigint, replaced text, facts text, personal text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.take_replacement(of_arrivals text, of_source text, of_event text, of_type text, of_subject text, happened timestamp with time zone, hash bytea, content bigint, replaced text, facts text, personal text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.take_report(of_hook text, of_source text, of_row text, kind text, status text, created_at timestamp with time zone, ended_at timestamp with time zone, cost numeric, is_final boolean, is_gone boolean, content_hash bytea, payload text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.take_report(of_hook text, of_source text, of_row text, kind text, status text, created_at timestamp with time zone, ended_at timestamp with time zone, cost numeric, is_final boolean, is_gone boolean, content_hash bytea, payload text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.take_turn(of_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.take_turn(of_tenant text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.tenant_of_events(of_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.tenant_of_events(of_tenant text) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.tidy(today date) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.tidy(today date) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.unheard_rows(first_day date, last_day date) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.unheard_rows(first_day date, last_day date) TO minutebook_operator;
REVOKE ALL ON FUNCTION intake.use_hook(of_hook text, at timestamp with time zone, is_taken boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.use_hook(of_hook text, at timestamp with time zone, is_taken boolean) TO minutebook_intake;
REVOKE ALL ON FUNCTION intake.use_key(of_key text, at timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION intake.use_key(of_key text, at timestamp with time zone) TO minutebook_intake;
GRANT SELECT ON TABLE ledger.audit_log TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.audit_hash(previous_hash bytea, entry ledger.audit_log) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.audit_hash(previous_hash bytea, entry ledger.audit_log) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.begin_automation_runs(today date) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.begin_automation_runs(today date) TO minutebook_transformer;
REVOKE ALL ON FUNCTION ledger.blockers(of_table regclass) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.blockers(of_table regclass) TO minutebook_transformer;
REVOKE ALL ON FUNCTION ledger.chain_audit() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.clean_payloads(of_source text, row_ids tid[], cleaned json[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.clean_payloads(of_source text, row_ids tid[], cleaned json[]) TO minutebook_loader;
REVOKE ALL ON FUNCTION ledger.discard_landed(raw_table regclass, of_pulls bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.discard_landed(raw_table regclass, of_pulls bigint[]) TO minutebook_loader;
REVOKE ALL ON FUNCTION ledger.end_blockers(of_table regclass, older_than interval) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.end_blockers(of_table regclass, older_than interval) TO minutebook_transformer;
REVOKE ALL ON FUNCTION ledger.end_old_readers(older_than interval) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.end_old_readers(older_than interval) TO minutebook_server;
REVOKE ALL ON FUNCTION ledger.erase_automations(of_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.erase_automations(of_tenant text) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.erase_outgoing(of_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.erase_outgoing(of_tenant text) TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.pulls TO minutebook_loader;
GRANT SELECT ON TABLE ledger.pulls TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.pulls TO minutebook_billing;
GRANT SELECT ON TABLE ledger.pulls TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.forget_automations(today date) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.forget_automations(today date) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.forget_automations_of(of_tenant text, before_date date) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.forget_outgoing(today date) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.forget_outgoing(today date) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.forget_personal_data(of_tenant text, before_date date) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.forget_personal_data(of_tenant text, before_date date) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.forget_results(of_source text, of_accounts text[], of_dates date[], of_calls text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.forget_results_of_rows(of_source text, raw_table text, row_ids tid[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.forget_threads(threads text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.is_payload_without_more(standing json, cleaned json, facts text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.landed(of_pulls bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.landed(of_pulls bigint[]) TO minutebook_loader;
GRANT ALL ON FUNCTION ledger.landed(of_pulls bigint[]) TO minutebook_transformer;
REVOKE ALL ON FUNCTION ledger.minimise_payloads(of_source text, row_ids tid[], minimised json[]) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.minimise_payloads(of_source text, row_ids tid[], minimised json[]) TO minutebook_loader;
REVOKE ALL ON FUNCTION ledger.money_of_items(items json) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.purge_raw(closed_before timestamp with time zone, at_most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.purge_raw(closed_before timestamp with time zone, at_most integer) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.raw_table_of(of_source text) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.record_audit() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.record_credential_use(used_credential_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.record_credential_use(used_credential_id bigint) TO minutebook_loader;
GRANT ALL ON FUNCTION ledger.record_credential_use(used_credential_id bigint) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.record_recording_use(of_tenant text, of_source text, of_call text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.record_recording_use(of_tenant text, of_source text, of_call text) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.record_search_of_all() FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.record_search_of_all() TO minutebook_searcher;
REVOKE ALL ON FUNCTION ledger.stored_call(of_tenant text, of_source text, on_date date, of_call text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.stored_call(of_tenant text, of_source text, on_date date, of_call text) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.tell(of_type text, of_tenant text, of_subject text, of_data jsonb, only_endpoint text) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.tell(of_type text, of_tenant text, of_subject text, of_data jsonb, only_endpoint text) TO minutebook_operator;
REVOKE ALL ON FUNCTION ledger.tell_of_completed_calls(today date) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.tell_of_completed_calls(today date) TO minutebook_transformer;
REVOKE ALL ON FUNCTION ledger.tell_of_corrections() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.tell_of_differences() FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.tell_of_differences() TO minutebook_transformer;
REVOKE ALL ON FUNCTION ledger.tell_of_period() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.tell_of_pull() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.tell_of_quota() FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.waits_for(waiting integer) FROM PUBLIC;
GRANT ALL ON FUNCTION ledger.waits_for(waiting integer) TO minutebook_loader;
GRANT ALL ON FUNCTION ledger.waits_for(waiting integer) TO minutebook_transformer;
GRANT ALL ON FUNCTION ledger.waits_for(waiting integer) TO minutebook_billing;
GRANT ALL ON FUNCTION ledger.waits_for(waiting integer) TO minutebook_operator;
GRANT ALL ON FUNCTION ledger.waits_for(waiting integer) TO minutebook_server;
REVOKE ALL ON FUNCTION ledger.who_is(of_process integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger.without_personal_data(payload json, kept text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION marts.found_calls(asked tsquery, said text, of_tenant text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) FROM PUBLIC;
REVOKE ALL ON FUNCTION marts.search_all_calls(languages text[], words text, first_day date, last_day date, at_most integer, of_outcome text, of_end text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) FROM PUBLIC;
GRANT ALL ON FUNCTION marts.search_all_calls(languages text[], words text, first_day date, last_day date, at_most integer, of_outcome text, of_end text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text, after_tenant text) TO minutebook_operator;
REVOKE ALL ON FUNCTION marts.search_calls(words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, after_day date, after_created timestamp with time zone, after_id text, after_source text) FROM PUBLIC;
GRANT ALL ON FUNCTION marts.search_calls(words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, after_day date, after_created timestamp with time zone, after_id text, after_source text) TO minutebook_tenant;
REVOKE ALL ON FUNCTION marts.search_calls_of(of_tenant text, words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text) FROM PUBLIC;
GRANT ALL ON FUNCTION marts.search_calls_of(of_tenant text, words text, first_day date, last_day date, at_most integer, agent text, no_agent text, of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least integer, of_at_most integer, of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamp with time zone, after_id text, after_source text) TO minutebook_operator;
REVOKE ALL ON FUNCTION marts.words_of(of_tenant text, asked tsquery) FROM PUBLIC;
GRANT ALL ON FUNCTION marts.words_of(of_tenant text, asked tsquery) TO minutebook_searcher;
REVOKE ALL ON FUNCTION marts.words_of(of_tenant text, words tsvector) FROM PUBLIC;
GRANT ALL ON FUNCTION marts.words_of(of_tenant text, words tsvector) TO minutebook_transformer;
GRANT SELECT,INSERT,UPDATE ON TABLE automations.checkpoint_blobs TO minutebook_automations;
GRANT SELECT ON TABLE automations.checkpoint_blobs TO minutebook_loader;
GRANT SELECT ON TABLE automations.checkpoint_migrations TO minutebook_automations;
GRANT SELECT ON TABLE automations.checkpoint_migrations TO minutebook_loader;
GRANT SELECT,INSERT,UPDATE ON TABLE automations.checkpoint_writes TO minutebook_automations;
GRANT SELECT ON TABLE automations.checkpoint_writes TO minutebook_loader;
GRANT SELECT,INSERT,UPDATE ON TABLE automations.checkpoints TO minutebook_automations;
GRANT SELECT ON TABLE automations.checkpoints TO minutebook_loader;
GRANT SELECT ON TABLE control.agent_attachments TO minutebook_loader;
GRANT SELECT ON TABLE control.agent_attachments TO minutebook_transformer;
GRANT SELECT ON TABLE control.agent_attachments TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.agent_attachments TO minutebook_operator;
GRANT SELECT ON TABLE control.agents TO minutebook_loader;
GRANT SELECT ON TABLE control.agents TO minutebook_transformer;
GRANT SELECT ON TABLE control.agents TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.agents TO minutebook_operator;
GRANT SELECT ON TABLE control.allowances TO minutebook_loader;
GRANT SELECT ON TABLE control.allowances TO minutebook_transformer;
GRANT SELECT ON TABLE control.allowances TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.allowances TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE control.api_keys TO minutebook_operator;
GRANT UPDATE(revoked_at) ON TABLE control.api_keys TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE control.brands TO minutebook_operator;
GRANT SELECT(tenant_id) ON TABLE control.brands TO minutebook_server;
GRANT SELECT(name) ON TABLE control.brands TO minutebook_server;
GRANT SELECT(accent) ON TABLE control.brands TO minutebook_server;
GRANT SELECT(logo) ON TABLE control.brands TO minutebook_server;
GRANT SELECT(logo_kind) ON TABLE control.brands TO minutebook_server;
GRANT SELECT(host) ON TABLE control.brands TO minutebook_server;
GRANT SELECT(mail_from) ON TABLE control.brands TO minutebook_server;
GRANT SELECT ON TABLE control.call_outputs TO minutebook_loader;
GRANT SELECT ON TABLE control.call_outputs TO minutebook_transformer;
GRANT SELECT ON TABLE control.call_outputs TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.call_outputs TO minutebook_operator;
GRANT SELECT ON TABLE control.call_rubrics TO minutebook_loader;
GRANT SELECT ON TABLE control.call_rubrics TO minutebook_transformer;
GRANT SELECT ON TABLE control.call_rubrics TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.call_rubrics TO minutebook_operator;
GRANT SELECT ON TABLE control.cost_coverage TO minutebook_loader;
GRANT SELECT ON TABLE control.cost_coverage TO minutebook_transformer;
GRANT SELECT ON TABLE control.cost_coverage TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.cost_coverage TO minutebook_operator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.credential_candidates TO minutebook_operator;
GRANT SELECT ON TABLE control.credentials TO minutebook_loader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.credentials TO minutebook_operator;
GRANT SELECT(credential_id) ON TABLE control.credentials TO minutebook_transformer;
GRANT SELECT(tenant_id) ON TABLE control.credentials TO minutebook_transformer;
GRANT SELECT(provider) ON TABLE control.credentials TO minutebook_transformer;
GRANT SELECT(settings) ON TABLE control.credentials TO minutebook_transformer;
GRANT SELECT(used_from) ON TABLE control.credentials TO minutebook_transformer;
GRANT SELECT(created_at) ON TABLE control.credentials TO minutebook_transformer;
GRANT SELECT(verified_at) ON TABLE control.credentials TO minutebook_transformer;
GRANT UPDATE(verified_at) ON TABLE control.credentials TO minutebook_loader;
GRANT SELECT(retired_at) ON TABLE control.credentials TO minutebook_transformer;
GRANT USAGE ON SEQUENCE control.credentials_credential_id_seq TO minutebook_operator;
GRANT SELECT ON TABLE control.credit_voids TO minutebook_loader;
GRANT SELECT ON TABLE control.credit_voids TO minutebook_transformer;
GRANT SELECT ON TABLE control.credit_voids TO minutebook_billing;
GRANT SELECT,INSERT ON TABLE control.credit_voids TO minutebook_operator;
GRANT SELECT ON TABLE control.credits TO minutebook_loader;
GRANT SELECT ON TABLE control.credits TO minutebook_transformer;
GRANT SELECT ON TABLE control.credits TO minutebook_billing;
GRANT SELECT,INSERT ON TABLE control.credits TO minutebook_operator;
GRANT SELECT ON TABLE control.data_keys TO minutebook_loader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.data_keys TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE control.data_keys TO minutebook_server;
GRANT USAGE ON SEQUENCE control.data_keys_data_key_id_seq TO minutebook_operator;
GRANT USAGE ON SEQUENCE control.data_keys_data_key_id_seq TO minutebook_server;
GRANT SELECT ON TABLE control.database_logins TO minutebook_operator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.devices TO minutebook_server;
GRANT SELECT ON TABLE control.exchange_rates TO minutebook_loader;
GRANT SELECT ON TABLE control.exchange_rates TO minutebook_transformer;
GRANT SELECT ON TABLE control.exchange_rates TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.exchange_rates TO minutebook_operator;
GRANT SELECT ON TABLE control.fixed_costs TO minutebook_loader;
GRANT SELECT ON TABLE control.fixed_costs TO minutebook_transformer;
GRANT SELECT ON TABLE control.fixed_costs TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.fixed_costs TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE control.hooks TO minutebook_operator;
GRANT UPDATE(ciphertext) ON TABLE control.hooks TO minutebook_operator;
GRANT UPDATE(revoked_at) ON TABLE control.hooks TO minutebook_operator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.login_links TO minutebook_server;
GRANT SELECT,INSERT,UPDATE ON TABLE control.login_passwords TO minutebook_server;
GRANT SELECT ON TABLE control.logins TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE control.logins TO minutebook_server;
GRANT SELECT ON TABLE control.meters TO minutebook_loader;
GRANT SELECT ON TABLE control.meters TO minutebook_transformer;
GRANT SELECT ON TABLE control.meters TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.meters TO minutebook_operator;
GRANT SELECT ON TABLE control.payment_fees TO minutebook_loader;
GRANT SELECT ON TABLE control.payment_fees TO minutebook_transformer;
GRANT SELECT ON TABLE control.payment_fees TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.payment_fees TO minutebook_operator;
GRANT SELECT ON TABLE control.personal_choices TO minutebook_loader;
GRANT SELECT ON TABLE control.personal_choices TO minutebook_transformer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.personal_choices TO minutebook_operator;
GRANT SELECT ON TABLE control.plan_terms TO minutebook_loader;
GRANT SELECT ON TABLE control.plan_terms TO minutebook_transformer;
GRANT SELECT ON TABLE control.plan_terms TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.plan_terms TO minutebook_operator;
GRANT SELECT ON TABLE control.plans TO minutebook_loader;
GRANT SELECT ON TABLE control.plans TO minutebook_transformer;
GRANT SELECT ON TABLE control.plans TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.plans TO minutebook_operator;
GRANT SELECT ON TABLE control.prices TO minutebook_loader;
GRANT SELECT ON TABLE control.prices TO minutebook_transformer;
GRANT SELECT ON TABLE control.prices TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.prices TO minutebook_operator;
GRANT SELECT ON TABLE control.provider_unit_costs TO minutebook_loader;
GRANT SELECT ON TABLE control.provider_unit_costs TO minutebook_transformer;
GRANT SELECT ON TABLE control.provider_unit_costs TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.provider_unit_costs TO minutebook_operator;
GRANT SELECT,INSERT,DELETE ON TABLE control.recovery_codes TO minutebook_server;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.retention_periods TO minutebook_operator;
GRANT SELECT ON TABLE control.review_rules TO minutebook_loader;
GRANT SELECT ON TABLE control.review_rules TO minutebook_transformer;
GRANT SELECT ON TABLE control.review_rules TO minutebook_billing;
GRANT SELECT,UPDATE ON TABLE control.review_rules TO minutebook_operator;
GRANT SELECT ON TABLE control.revision TO minutebook_loader;
GRANT SELECT ON TABLE control.revision TO minutebook_transformer;
GRANT SELECT ON TABLE control.revision TO minutebook_billing;
GRANT SELECT ON TABLE control.revision TO minutebook_operator;
GRANT SELECT ON TABLE control.scope_kinds TO minutebook_loader;
GRANT SELECT ON TABLE control.scope_kinds TO minutebook_transformer;
GRANT SELECT ON TABLE control.scope_kinds TO minutebook_billing;
GRANT SELECT ON TABLE control.scope_kinds TO minutebook_operator;
GRANT SELECT ON TABLE control.scopes TO minutebook_loader;
GRANT SELECT ON TABLE control.scopes TO minutebook_transformer;
GRANT SELECT ON TABLE control.scopes TO minutebook_billing;
GRANT SELECT ON TABLE control.scopes TO minutebook_operator;
GRANT SELECT ON TABLE control.search_languages TO minutebook_loader;
GRANT SELECT ON TABLE control.search_languages TO minutebook_transformer;
GRANT SELECT ON TABLE control.search_languages TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.search_languages TO minutebook_operator;
GRANT SELECT ON TABLE control.second_factors TO minutebook_operator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.second_factors TO minutebook_server;
GRANT UPDATE(data_key_id) ON TABLE control.second_factors TO minutebook_operator;
GRANT UPDATE(ciphertext) ON TABLE control.second_factors TO minutebook_operator;
GRANT SELECT,INSERT,DELETE ON TABLE control.sessions TO minutebook_server;
GRANT SELECT ON TABLE control.sources TO minutebook_loader;
GRANT SELECT ON TABLE control.sources TO minutebook_transformer;
GRANT SELECT ON TABLE control.sources TO minutebook_billing;
GRANT SELECT ON TABLE control.sources TO minutebook_operator;
GRANT SELECT ON TABLE control.spend_limits TO minutebook_transformer;
GRANT SELECT ON TABLE control.spend_limits TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.spend_limits TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE control.tasks TO minutebook_operator;
GRANT UPDATE(step) ON TABLE control.tasks TO minutebook_operator;
GRANT UPDATE(started_at) ON TABLE control.tasks TO minutebook_operator;
GRANT UPDATE(ended_at) ON TABLE control.tasks TO minutebook_operator;
GRANT UPDATE(fault) ON TABLE control.tasks TO minutebook_operator;
GRANT SELECT ON TABLE control.tenant_plans TO minutebook_loader;
GRANT SELECT ON TABLE control.tenant_plans TO minutebook_transformer;
GRANT SELECT ON TABLE control.tenant_plans TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.tenant_plans TO minutebook_operator;
GRANT SELECT ON TABLE ledger.arrivals TO minutebook_loader;
GRANT SELECT ON TABLE ledger.arrivals TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.arrivals TO minutebook_billing;
GRANT SELECT ON TABLE ledger.arrivals TO minutebook_operator;
GRANT INSERT ON TABLE ledger.arrivals TO minutebook_intake;
GRANT SELECT ON TABLE control.tenant_sources TO minutebook_loader;
GRANT SELECT ON TABLE control.tenant_sources TO minutebook_transformer;
GRANT SELECT ON TABLE control.tenant_sources TO minutebook_billing;
GRANT SELECT ON TABLE control.tenant_sources TO minutebook_operator;
GRANT SELECT ON TABLE control.tenant_statuses TO minutebook_loader;
GRANT SELECT ON TABLE control.tenant_statuses TO minutebook_transformer;
GRANT SELECT ON TABLE control.tenant_statuses TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.tenant_statuses TO minutebook_operator;
GRANT SELECT ON TABLE control.tenants TO minutebook_loader;
GRANT SELECT ON TABLE control.tenants TO minutebook_transformer;
GRANT SELECT ON TABLE control.tenants TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.tenants TO minutebook_operator;
GRANT SELECT(tenant_id) ON TABLE control.tenants TO minutebook_server;
GRANT SELECT(name) ON TABLE control.tenants TO minutebook_server;
GRANT SELECT ON TABLE control.today_readings TO minutebook_loader;
GRANT SELECT ON TABLE control.today_readings TO minutebook_transformer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.today_readings TO minutebook_operator;
GRANT SELECT ON TABLE control.unit_costs TO minutebook_loader;
GRANT SELECT ON TABLE control.unit_costs TO minutebook_transformer;
GRANT SELECT ON TABLE control.unit_costs TO minutebook_billing;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.unit_costs TO minutebook_operator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE control.wrong_tries TO minutebook_server;
GRANT SELECT ON TABLE intake.adoptions TO minutebook_loader;
GRANT INSERT ON TABLE intake.events TO minutebook_intake;
GRANT SELECT ON TABLE intake.events TO minutebook_tenant;
GRANT SELECT ON TABLE intake.events TO minutebook_loader;
GRANT SELECT ON TABLE intake.hook_notices TO minutebook_operator;
GRANT UPDATE(seen_at) ON TABLE intake.hook_notices TO minutebook_operator;
GRANT SELECT ON TABLE intake.hook_uses TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE intake.identities TO minutebook_intake;
GRANT SELECT ON TABLE intake.identities TO minutebook_tenant;
GRANT SELECT ON TABLE intake.key_uses TO minutebook_operator;
GRANT SELECT ON TABLE intake.refusals TO minutebook_tenant;
GRANT SELECT,INSERT ON TABLE intake.replacements TO minutebook_intake;
GRANT SELECT ON TABLE intake.replacements TO minutebook_tenant;
GRANT SELECT ON TABLE intake.replacements TO minutebook_loader;
GRANT SELECT ON TABLE intake.reports TO minutebook_loader;
GRANT SELECT,INSERT ON TABLE ledger.acceptances TO minutebook_loader;
GRANT SELECT ON TABLE ledger.acceptances TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.acceptances TO minutebook_billing;
GRANT SELECT,INSERT ON TABLE ledger.acceptances TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.alerts TO minutebook_operator;
GRANT UPDATE(level) ON TABLE ledger.alerts TO minutebook_operator;
GRANT UPDATE(title) ON TABLE ledger.alerts TO minutebook_operator;
GRANT UPDATE(fix) ON TABLE ledger.alerts TO minutebook_operator;
GRANT UPDATE(path) ON TABLE ledger.alerts TO minutebook_operator;
GRANT UPDATE(changed_at) ON TABLE ledger.alerts TO minutebook_operator;
GRANT UPDATE(resolved_at) ON TABLE ledger.alerts TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.attempts TO minutebook_loader;
GRANT SELECT ON TABLE ledger.attempts TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.attempts TO minutebook_billing;
GRANT SELECT ON TABLE ledger.attempts TO minutebook_operator;
GRANT SELECT ON TABLE ledger.audit_chain TO minutebook_operator;
GRANT SELECT ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(version) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(state) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(due_at) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(attempts) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(question) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(question_id) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(answer) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(fault) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(begun_at) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT UPDATE(ended_at) ON TABLE ledger.automation_runs TO minutebook_operator;
GRANT SELECT ON TABLE ledger.builds TO minutebook_loader;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.builds TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.builds TO minutebook_billing;
GRANT SELECT ON TABLE ledger.builds TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.campaigns TO minutebook_loader;
GRANT SELECT ON TABLE ledger.campaigns TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.campaigns TO minutebook_operator;
GRANT SELECT ON TABLE ledger.changed_arrivals TO minutebook_loader;
GRANT SELECT ON TABLE ledger.changed_arrivals TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.cleanings TO minutebook_loader;
GRANT SELECT ON TABLE ledger.cleanings TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.cleanings TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.quarantine TO minutebook_loader;
GRANT SELECT ON TABLE ledger.quarantine TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.quarantine TO minutebook_billing;
GRANT SELECT ON TABLE ledger.quarantine TO minutebook_operator;
GRANT UPDATE(payload) ON TABLE ledger.quarantine TO minutebook_loader;
GRANT SELECT ON TABLE ledger.corrected_calls TO minutebook_loader;
GRANT SELECT ON TABLE ledger.corrected_calls TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.corrected_calls TO minutebook_billing;
GRANT SELECT ON TABLE ledger.corrected_calls TO minutebook_operator;
GRANT SELECT ON TABLE ledger.invoice_items TO minutebook_transformer;
GRANT SELECT,INSERT ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT SELECT ON TABLE ledger.invoice_items TO minutebook_operator;
GRANT UPDATE(state) ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT UPDATE(stripe_id) ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT UPDATE(cause_code) ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT UPDATE(cause) ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT UPDATE(posted_at) ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT UPDATE(attempt) ON TABLE ledger.invoice_items TO minutebook_billing;
GRANT SELECT ON TABLE ledger.periods TO minutebook_loader;
GRANT SELECT ON TABLE ledger.periods TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.periods TO minutebook_billing;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.periods TO minutebook_operator;
GRANT SELECT ON TABLE ledger.statement_lines TO minutebook_loader;
GRANT SELECT ON TABLE ledger.statement_lines TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.statement_lines TO minutebook_billing;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.statement_lines TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_charges TO minutebook_transformer;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.stripe_charges TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_charges TO minutebook_operator;
GRANT SELECT ON TABLE ledger.coverage TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.coverage TO minutebook_billing;
GRANT SELECT ON TABLE ledger.coverage TO minutebook_operator;
GRANT SELECT ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(state) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(attempts) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(next_attempt_at) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(first_attempted_at) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(attempted_at) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(last_status) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT UPDATE(fault) ON TABLE ledger.deliveries TO minutebook_operator;
GRANT SELECT ON TABLE ledger.disagreeing_totals TO minutebook_loader;
GRANT SELECT ON TABLE ledger.disagreeing_totals TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.disagreeing_totals TO minutebook_billing;
GRANT SELECT ON TABLE ledger.disagreeing_totals TO minutebook_operator;
GRANT SELECT ON TABLE ledger.doubted_days TO minutebook_loader;
GRANT SELECT ON TABLE ledger.doubted_days TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.doubted_days TO minutebook_billing;
GRANT SELECT ON TABLE ledger.doubted_days TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.endpoint_states TO minutebook_operator;
GRANT SELECT ON TABLE ledger.final_lines TO minutebook_transformer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE ledger.final_lines TO minutebook_billing;
GRANT SELECT ON TABLE ledger.final_lines TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.issued_statements TO minutebook_operator;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.known_gaps TO minutebook_operator;
GRANT SELECT ON TABLE ledger.line_days TO minutebook_loader;
GRANT SELECT ON TABLE ledger.line_days TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.line_days TO minutebook_billing;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.line_days TO minutebook_operator;
GRANT SELECT ON TABLE ledger.line_objects TO minutebook_loader;
GRANT SELECT ON TABLE ledger.line_objects TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.line_objects TO minutebook_billing;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.line_objects TO minutebook_operator;
GRANT SELECT ON TABLE ledger.line_pulls TO minutebook_loader;
GRANT SELECT ON TABLE ledger.line_pulls TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.line_pulls TO minutebook_billing;
GRANT SELECT,INSERT,DELETE ON TABLE ledger.line_pulls TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.new_fields TO minutebook_loader;
GRANT SELECT ON TABLE ledger.new_fields TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.new_fields TO minutebook_operator;
GRANT UPDATE(acknowledged_at) ON TABLE ledger.new_fields TO minutebook_operator;
GRANT UPDATE(acknowledged_by) ON TABLE ledger.new_fields TO minutebook_operator;
GRANT SELECT ON TABLE ledger.outgoing_events TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.packs TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.personal_choices_applied TO minutebook_loader;
GRANT SELECT ON TABLE ledger.personal_choices_applied TO minutebook_operator;
GRANT SELECT ON TABLE ledger.postings TO minutebook_transformer;
GRANT SELECT,INSERT ON TABLE ledger.postings TO minutebook_billing;
GRANT SELECT ON TABLE ledger.postings TO minutebook_operator;
GRANT UPDATE(state) ON TABLE ledger.postings TO minutebook_billing;
GRANT UPDATE(cause_code) ON TABLE ledger.postings TO minutebook_billing;
GRANT UPDATE(cause) ON TABLE ledger.postings TO minutebook_billing;
GRANT UPDATE(posted_at) ON TABLE ledger.postings TO minutebook_billing;
GRANT UPDATE(resolved_at) ON TABLE ledger.postings TO minutebook_billing;
GRANT SELECT ON TABLE ledger.quota_alerts TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.quota_alerts TO minutebook_billing;
GRANT SELECT,INSERT ON TABLE ledger.quota_alerts TO minutebook_operator;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.request_paces TO minutebook_loader;
GRANT SELECT ON TABLE ledger.standing_quarantine TO minutebook_loader;
GRANT SELECT ON TABLE ledger.standing_quarantine TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.standing_quarantine TO minutebook_billing;
GRANT SELECT ON TABLE ledger.standing_quarantine TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_acceptances TO minutebook_transformer;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.stripe_acceptances TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_acceptances TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_accounts TO minutebook_transformer;
GRANT SELECT,INSERT ON TABLE ledger.stripe_accounts TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_accounts TO minutebook_operator;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE ledger.stripe_cache TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_cache TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_day_summaries TO minutebook_transformer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE ledger.stripe_day_summaries TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_day_summaries TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_events TO minutebook_transformer;
GRANT SELECT,INSERT ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_events TO minutebook_operator;
GRANT UPDATE(object_id) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT UPDATE(stripe_customer_id) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT UPDATE(tenant_id) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT UPDATE(facts) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT UPDATE(state) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT UPDATE(processed_at) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT UPDATE(cause) ON TABLE ledger.stripe_events TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_invoice_states TO minutebook_transformer;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.stripe_invoice_states TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_invoice_states TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_invoices TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.stripe_invoices TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_invoices TO minutebook_operator;
GRANT SELECT ON TABLE ledger.stripe_item_states TO minutebook_transformer;
GRANT SELECT,INSERT,UPDATE ON TABLE ledger.stripe_item_states TO minutebook_billing;
GRANT SELECT ON TABLE ledger.stripe_item_states TO minutebook_operator;
GRANT SELECT,INSERT ON TABLE ledger.stripe_keys TO minutebook_billing;
GRANT SELECT ON TABLE ledger.unread_pulls TO minutebook_transformer;
GRANT SELECT ON TABLE ledger.unread_pulls TO minutebook_operator;
GRANT SELECT ON TABLE minutebook.migrations TO minutebook_operator;
