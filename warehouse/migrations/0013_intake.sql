-- What is pushed to us: by which key, each event exactly once, and kept until no key may push it again. It becomes usage as any
-- provider's answer does: read by tenant and day, as a source.

create schema intake;
comment on schema intake is 'What was pushed to us, before it is read as a source.';

create table control.api_keys (
    key_id text primary key check (key_id ~ '^[0-9A-Za-z]{8}$'),
    tenant_id text references control.tenants,
    scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ '{events,backfill}'),
    token_hash bytea not null check (octet_length(token_hash) = 32),
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    expires_at timestamptz check (expires_at > created_at),
    revoked_at timestamptz
);
create index api_keys_of_a_tenant on control.api_keys (tenant_id);
comment on table control.api_keys is
'Keys by which usage is pushed. key_id is shown; of the whole key only its SHA-256 is kept: 256 random bits need no slow hash.';
comment on column control.api_keys.tenant_id is 'Whose events it pushes; null: a key of the platform, whose events name their tenant.';
create trigger audit after insert or update or delete on control.api_keys
for each row execute function ledger.record_audit();

-- A key is rotated by a second one beside it, and never by a third: keys that nobody remembers are what leaks.
create function control.limit_api_keys() returns trigger language plpgsql security definer set search_path = '' as $$
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
create trigger two_at_a_time before insert on control.api_keys
for each row execute function control.limit_api_keys();

create unlogged table intake.key_uses (
    key_id text primary key references control.api_keys,
    used_at timestamptz not null
);
comment on table intake.key_uses is 'When a key was last used, to the minute. A crash forgets it.';

-- Three columns, never joined to one: ("a-b", "c") is not ("a", "b-c"). The events themselves are partitioned by day, so a key
-- over them would need the day, and the same id on two days would be two events.
create table intake.identities (
    tenant_id text not null collate "C",
    source text not null collate "C",
    event_id text not null collate "C",
    event_number bigint not null generated always as identity,
    usage_date date not null,
    content_hash bytea not null,
    root_id text,
    primary key (tenant_id, source, event_id)
);
comment on table intake.identities is
'Every event taken, once. Kept longer than any key may reach back, so that one purged could not be pushed again anyway.';
comment on column intake.identities.root_id is
'Of an event that replaces another: the first of their line, whose place the last of the line takes.';

create table intake.events (
    tenant_id text not null collate "C",
    usage_date date not null,
    event_number bigint not null,
    source text not null,
    event_id text not null,
    type text not null,
    subject text,
    happened_at timestamptz not null,
    root_id text,
    facts json not null,
    personal json,
    received_at timestamptz not null default clock_timestamp()
) partition by range (usage_date);
create index events_of_a_day on intake.events (tenant_id, usage_date, event_number);
-- Months are made ahead by install and by the night; what comes before its month was made stands here, and is read alike.
create table intake.events_of_other_months partition of intake.events default;
comment on table intake.events is 'Append only. facts and personal are the members of data, digit for digit.';
comment on column intake.events.facts is 'Members of data that no privacy choice touches: they make the usage, and stay as long as it does.';
comment on column intake.events.personal is 'Members that may be personal, as the tenant chose them to be kept; null once forgotten.';

create table intake.replacements (
    tenant_id text not null collate "C",
    source text not null collate "C",
    root_id text not null collate "C",
    event_number bigint not null,
    event_id text not null,
    usage_date date not null,
    primary key (tenant_id, source, root_id, event_number)
);
comment on table intake.replacements is 'Events that replace another; of one root the one with the highest number counts, and no other.';

create table intake.refusals (
    tenant_id text not null collate "C",
    source text not null collate "C",
    event_id text not null collate "C",
    code text not null,
    detail text not null,
    refused_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, source, event_id)
);
comment on table intake.refusals is 'Why an event was refused last, for whoever asks after it; kept for some weeks.';

do $$
declare
    table_name text;
begin
    foreach table_name in array array[
        'control.api_keys', 'intake.identities', 'intake.events', 'intake.events_of_other_months', 'intake.replacements',
        'intake.refusals'
    ] loop
        execute format('alter table %s enable row level security', table_name);
        execute format('alter table %s force row level security', table_name);
        execute format('create policy owner on %s to current_user using (true) with check (true)', table_name);
    end loop;
end
$$;

-- Whose events a transaction keeps is named by the service, for one transaction, by the key it was shown.
create function intake.pushing_tenant() returns text language sql stable parallel safe set search_path = '' as $$
    select nullif(pg_catalog.current_setting('minutebook.tenant_id', true), '')
$$;
create policy operators on control.api_keys to minutebook_operator using (true) with check (true);
create policy intake on intake.identities to minutebook_intake
using (tenant_id = (select intake.pushing_tenant())) with check (tenant_id = (select intake.pushing_tenant()));
create policy intake on intake.events for insert to minutebook_intake
with check (tenant_id = (select intake.pushing_tenant()));
create policy intake on intake.replacements to minutebook_intake
using (tenant_id = (select intake.pushing_tenant())) with check (tenant_id = (select intake.pushing_tenant()));
create policy intake on ledger.arrivals for insert to minutebook_intake
with check (tenant_id = (select intake.pushing_tenant()));
-- A tenant follows its own events.
do $$
declare
    table_name text;
begin
    foreach table_name in array array['identities', 'events', 'replacements', 'refusals'] loop
        execute format(
            'create policy rows_of_the_reader on intake.%I for select to minutebook_tenant'
            ' using (tenant_id = (select control.reading_tenant()))', table_name
        );
    end loop;
end
$$;
create policy loader on intake.events for select to minutebook_loader using (true);
create policy loader on intake.replacements for select to minutebook_loader using (true);

create function intake.key_of(of_key text)
returns table (
    tenant_id text, scopes text[], token_hash bytea, expires_at timestamptz, revoked_at timestamptz
) language sql stable security definer set search_path = '' as $$
    select k.tenant_id, k.scopes, k.token_hash, k.expires_at, k.revoked_at from control.api_keys as k where k.key_id = of_key
$$;

create function intake.tenant_of_events(of_tenant text)
returns table (
    closed_from date, phone_numbers text, transcripts text, recordings text, events_per_minute int
)
language sql stable security definer set search_path = '' as $$
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
comment on function intake.tenant_of_events(text) is
'From when a tenant is closed, what it wants kept and how much its plan lets it push; no row for no tenant.';

create function intake.use_key(of_key text, at timestamptz) returns void
language sql security definer set search_path = '' as $$
    insert into intake.key_uses as u (key_id, used_at) values (of_key, at)
    on conflict (key_id) do update set used_at = excluded.used_at where u.used_at < excluded.used_at
$$;

-- Events that replace others are taken one transaction of a tenant after the other, so that each sees all before it.
create function intake.take_turn(of_tenant text) returns void language sql security definer set search_path = '' as $$
    select pg_catalog.pg_advisory_xact_lock(7742, pg_catalog.hashtext(of_tenant))
$$;

create function intake.refuse_events(sources text[], event_ids text[], codes text[], details text[]) returns void
language sql security definer set search_path = '' as $$
    insert into intake.refusals as r (tenant_id, source, event_id, code, detail)
    select distinct on (b.source, b.event_id) intake.pushing_tenant(), b.source, b.event_id, b.code, b.detail
    from unnest(sources, event_ids, codes, details) with ordinality as b (source, event_id, code, detail, place)
    order by b.source, b.event_id, b.place desc
    on conflict (tenant_id, source, event_id) do update
    set code = excluded.code, detail = excluded.detail, refused_at = excluded.refused_at
$$;

-- Takes the events of one request, no identity twice among them, and says of each that was not taken why. Whoever takes the same
-- identity at the same time waits here for the other to commit; identities are taken in one order, so nobody waits in a circle.
-- Joins are of arrays with themselves, and arrays have no statistics: a nested loop would go through them a thousand times.
create function intake.take_events(
    of_arrivals text, sources text[], event_ids text[], types text[], subjects text[], happened timestamptz[],
    hashes bytea[], contents bigint[], replaced text[], facts text[], personal text[]
) returns table (place int, outcome text)
language plpgsql set search_path = '' set enable_nestloop = off as $$
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

-- One event that replaces another. Besides its own day, each day on which an event of its line stands holds something else now.
create function intake.take_replacement(
    of_arrivals text, of_source text, of_event text, of_type text, of_subject text, happened timestamptz, hash bytea,
    content bigint, replaced text, facts text, personal text
) returns text language plpgsql set search_path = '' as $$
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

-- A replacement that voids makes no row, so of it only that its day holds nothing else than when it was read.
create function intake.read_as(of_arrivals text, of_pull bigint, of_source text, of_event text)
returns table (is_read boolean, origin text)
language plpgsql stable security definer set search_path = '' as $$
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
$$;
comment on function intake.read_as(text, bigint, text, text) is
'Whether a pull holds an event of the tenant that pushes, and what its row is counted together with: null where it makes none.'
' Exact: a commit in flight while its day was read is not in the pull.';

create function intake.frozen_line_of(of_arrivals text, of_source text, of_event text, of_line text) returns text
language plpgsql stable security definer set search_path = '' as $$
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
$$;
comment on function intake.frozen_line_of(text, text, text, text) is
'Of a line of the tenant that pushes and its adjustments, the first that was frozen with an event in it; null where none was.';

-- What a source read although it should have been pushed as well: where a tenant pushes some of it, it pushes all of it.
create function intake.missing_events(of_source text, first_day date)
returns table (tenant_id text, usage_date date, missing bigint, pushed bigint, example text)
language plpgsql stable security definer set search_path = '' as $$
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
$$;
comment on function intake.missing_events(text, date) is
'Ids that rows of a source name as pushed and that were not, by tenant and day, of tenants that pushed some since then.';

create function intake.make_month(of_month date) returns void
language plpgsql security definer set search_path = '' as $$
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
comment on function intake.make_month(date) is 'Makes the room of a month''s events, unless there is one.';

create function intake.tidy(today date) returns bigint
language plpgsql security definer set search_path = '' as $$
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
$$;
comment on function intake.tidy(date) is
'Drops events and identities that no key may push any more, and folds what arrived of one day to one row: its sums stay as they'
' are. Returns identities dropped.';

create function intake.forget_personal_data(of_tenant text, before_date date) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
    forgotten bigint;
begin
    update intake.events set personal = null
    where tenant_id = of_tenant and usage_date < before_date and personal is not null;
    get diagnostics forgotten = row_count;
    return forgotten;
end
$$;

-- What providers tell us of single rows as they happen. A report is a hint and never a bill: it makes its day due, and the pull is
-- the record. Reports are of nobody's person: who called is in no row of them.
create table control.hooks (
    hook_id text primary key check (hook_id ~ '^[0-9a-f]{32}$'),
    provider text not null,
    tenant_id text references control.tenants,
    method text not null check (method in ('bearer', 'hmac', 'address')),
    settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
    data_key_id bigint not null references control.data_keys,
    ciphertext bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    revoked_at timestamptz
);
create index hooks_of_an_account on control.hooks (provider, tenant_id);
comment on table control.hooks is
'Addresses to which providers report rows of one account: 128 random bits. tenant_id null: the platform''s account. The secret that'
' proves a delivery is sealed as credentials are.';
create trigger audit after insert or update or delete on control.hooks
for each row execute function ledger.record_audit();

-- A hook is replaced by a second one beside it, as a key is.
create function control.limit_hooks() returns trigger language plpgsql security definer set search_path = '' as $$
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
create trigger two_at_a_time before insert on control.hooks
for each row execute function control.limit_hooks();

create unlogged table intake.hook_uses (
    hook_id text primary key references control.hooks,
    heard_at timestamptz,
    refused_at timestamptz
);
comment on table intake.hook_uses is
'When a delivery of a hook was last taken, and refused as not the provider''s, to the minute. A crash forgets it.';

create table intake.reports (
    report_id bigint primary key generated always as identity,
    hook_id text not null references control.hooks,
    tenant_id text,
    source text not null,
    account text not null,
    row_id text not null collate "C",
    kind text not null,
    status text not null,
    usage_date date not null,
    ended_at timestamptz,
    cost numeric,
    is_final boolean not null,
    is_gone boolean not null,
    content_hash bytea not null,
    payload json not null,
    received_at timestamptz not null default clock_timestamp(),
    unique (source, account, row_id, content_hash)
);
create index reports_of_a_day on intake.reports (source, usage_date, account, row_id);
comment on table intake.reports is
'What a provider told us of a row, each thing once, on the day that the row was created. Append only. It enters no statement unless a person adopts it.';
comment on column intake.reports.is_final is 'The row ended and must be listed. is_gone: its provider deleted it.';
comment on column intake.reports.payload is 'The row as its source would list it, as far as it was told; without what is personal.';

create table intake.hook_notices (
    hook_id text not null references control.hooks,
    code text not null check (code in ('awaits_answer', 'unreadable_report')),
    about text not null,
    first_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz,
    primary key (hook_id, code, about)
);
comment on table intake.hook_notices is
'What somebody has to know of what came: a message whose answer a call waits for, or a report that could not be read.';

create table intake.adoptions (
    source text not null references control.sources,
    account text not null,
    row_id text not null collate "C",
    tenant_id text references control.tenants,
    usage_date date not null,
    payload json not null,
    reason text not null check (reason ~ '\S'),
    adopted_at timestamptz not null default clock_timestamp(),
    primary key (source, account, row_id)
);
create index adoptions_of_a_day on intake.adoptions (source, account, usage_date);
comment on table intake.adoptions is
'Reported rows that a person adopted since their provider lists them no more: each is a row of every later pull of its day that'
' does not list it. The audit log has who.';
create trigger audit after insert or update or delete on intake.adoptions
for each row execute function ledger.record_audit();

do $$
declare
    table_name text;
begin
    foreach table_name in array array['control.hooks', 'intake.reports', 'intake.adoptions', 'intake.hook_notices'] loop
        execute format('alter table %s enable row level security', table_name);
        execute format('alter table %s force row level security', table_name);
        execute format('create policy owner on %s to current_user using (true) with check (true)', table_name);
    end loop;
end
$$;
create policy operators on control.hooks to minutebook_operator using (true) with check (true);
create policy operators on intake.hook_notices to minutebook_operator using (true) with check (true);
create policy loader on intake.adoptions for select to minutebook_loader using (true);

create function intake.hook_of(of_hook text)
returns table (
    provider text, tenant_id text, method text, settings jsonb, revoked_at timestamptz, ciphertext bytea,
    data_key_id bigint, master_key_id text, wrapped_key bytea
) language sql stable security definer set search_path = '' as $$
    select
        h.provider, h.tenant_id, h.method, h.settings, h.revoked_at, h.ciphertext, h.data_key_id, k.master_key_id,
        k.wrapped_key
    from control.hooks as h
    inner join control.data_keys as k on h.data_key_id = k.data_key_id
    where h.hook_id = of_hook
$$;
comment on function intake.hook_of(text) is 'What opens a hook, to who knows its address; its secret is sealed.';

create function intake.use_hook(of_hook text, at timestamptz, is_taken boolean) returns void
language sql security definer set search_path = '' as $$
    insert into intake.hook_uses as u (hook_id, heard_at, refused_at)
    values (of_hook, case when is_taken then at end, case when not is_taken then at end)
    on conflict (hook_id) do update
    set heard_at = greatest(u.heard_at, excluded.heard_at), refused_at = greatest(u.refused_at, excluded.refused_at)
$$;

create function intake.take_report(
    of_hook text, of_source text, of_row text, kind text, status text, created_at timestamptz, ended_at timestamptz,
    cost numeric, is_final boolean, is_gone boolean, content_hash bytea, payload text
) returns boolean language plpgsql security definer set search_path = '' as $$
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
comment on function intake.take_report(
    text, text, text, text, text, timestamptz, timestamptz, numeric, boolean, boolean, bytea, text
) is 'Keeps what a provider told of a row of a hook''s account; whether it was new.';

create function intake.take_notice(of_hook text, of_code text, whom text) returns void
language sql security definer set search_path = '' as $$
    insert into intake.hook_notices as n (hook_id, code, about)
    values (of_hook, of_code, whom)
    on conflict (hook_id, code, about) do update set last_at = clock_timestamp()
$$;

-- Each reported row of the days beside the current pull of its day. Raw tables are of sources, so it is put together here.
create function intake.reported_rows(first_day date, last_day date)
returns table (
    source text, account text, tenant_id text, usage_date date, row_id text, is_final boolean, is_gone boolean,
    heard_at timestamptz, read_at timestamptz, is_listed boolean, is_as_told boolean
) language plpgsql stable security definer set search_path = '' as $$
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
$$;

create function intake.adopt(of_source text, of_account text, of_row text, why text)
returns table (usage_date date, outcome text) language plpgsql security definer set search_path = '' as $$
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
comment on function intake.adopt(text, text, text, text) is
'Adopts the latest report of a row that its provider lists no more; what came of it.';

-- Of reports nobody needs to know any more what was said. Adopted rows are rows of pulls, whose frozen lines they explain: a row is
-- of nobody's person as it is.
create function intake.erase_reports(of_tenant text) returns bigint
language plpgsql security definer set search_path = '' as $$
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
comment on function intake.erase_reports(text) is 'Deletes what was reported of the rows of a tenant''s own accounts; reports deleted.';

-- Of the days that an account had a hook all day long, the rows that are listed, and those of them that were not told of. No report
-- is no proof of no row: some providers tell of connected calls only.
create function intake.unheard_rows(first_day date, last_day date)
returns table (source text, account text, usage_date date, row_count bigint, unheard bigint)
language plpgsql stable security definer set search_path = '' as $$
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
$$;

revoke execute on function
intake.adopt(text, text, text, text), intake.unheard_rows(date, date), intake.erase_reports(text),
control.limit_hooks(), intake.hook_of(text),
intake.use_hook(text, timestamptz, boolean),
intake.take_report(
    text, text, text, text, text, timestamptz, timestamptz, numeric, boolean, boolean, bytea, text
),
intake.take_notice(text, text, text), intake.reported_rows(date, date),
control.limit_api_keys(), intake.pushing_tenant(), intake.key_of(text), intake.tenant_of_events(text),
intake.use_key(text, timestamptz), intake.take_turn(text), intake.refuse_events(text[], text[], text[], text[]),
intake.take_events(text, text[], text[], text[], text[], timestamptz[], bytea[], bigint[], text[], text[], text[]),
intake.take_replacement(text, text, text, text, text, timestamptz, bytea, bigint, text, text, text),
intake.read_as(text, bigint, text, text), intake.frozen_line_of(text, text, text, text),
intake.missing_events(text, date), intake.make_month(date), intake.tidy(date),
intake.forget_personal_data(text, date)
from public;
grant usage on schema intake to
minutebook_intake, minutebook_loader, minutebook_operator, minutebook_tenant, minutebook_transformer;
grant execute on function intake.missing_events(text, date) to minutebook_operator, minutebook_transformer;
grant usage on schema ledger to minutebook_intake;
grant select, insert on intake.identities, intake.replacements to minutebook_intake;
grant insert on intake.events, ledger.arrivals to minutebook_intake;
grant execute on function
intake.pushing_tenant(), intake.key_of(text), intake.tenant_of_events(text), intake.use_key(text, timestamptz),
intake.take_turn(text), intake.refuse_events(text[], text[], text[], text[]),
intake.take_events(text, text[], text[], text[], text[], timestamptz[], bytea[], bigint[], text[], text[], text[]),
intake.take_replacement(text, text, text, text, text, timestamptz, bytea, bigint, text, text, text),
intake.read_as(text, bigint, text, text), intake.frozen_line_of(text, text, text, text)
to minutebook_intake;
grant select on intake.identities, intake.events, intake.replacements, intake.refusals to minutebook_tenant;
grant select on intake.events, intake.replacements to minutebook_loader;
grant select, insert, update (revoked_at) on control.api_keys to minutebook_operator;
grant select on intake.key_uses to minutebook_operator;
grant execute on function intake.make_month(date), intake.tidy(date) to minutebook_operator;
grant execute on function
intake.hook_of(text), intake.use_hook(text, timestamptz, boolean),
intake.take_report(
    text, text, text, text, text, timestamptz, timestamptz, numeric, boolean, boolean, bytea, text
),
intake.take_notice(text, text, text)
to minutebook_intake;
grant execute on function intake.reported_rows(date, date) to minutebook_loader, minutebook_operator;
grant execute on function
intake.unheard_rows(date, date), intake.adopt(text, text, text, text), intake.erase_reports(text)
to minutebook_operator;
grant select on intake.adoptions, intake.reports to minutebook_loader;
create policy loader on intake.reports for select to minutebook_loader using (true);
grant select, insert, update (revoked_at, ciphertext) on control.hooks to minutebook_operator;
grant select on intake.hook_uses to minutebook_operator;
grant select, update (seen_at) on intake.hook_notices to minutebook_operator;
