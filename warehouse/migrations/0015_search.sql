-- Words that were said, found through functions: a search under row-level security could use no index of words, since the
-- operator that asks it is not leakproof and so comes after the policy. Whose calls are searched is a condition, and a part
-- of each word that is asked: a word that only others say is then nowhere in the index, and takes no longer than one that
-- nobody says. The owner of the functions can do nothing else, and nobody can become it. Planned for the words that are
-- asked: a plan for any words is ten times slower for common ones.
grant usage on schema marts, control, ledger to minutebook_searcher;
grant create on schema marts to minutebook_searcher;

create function ledger.record_search_of_all() returns void
language sql security definer set search_path = '' as $$
    insert into ledger.audit_log (actor, action, object_table)
    values (
        coalesce(nullif(pg_catalog.current_setting('minutebook.actor', true), ''), session_user), 'search',
        'marts.fct_call_texts'
    )
$$;
comment on function ledger.record_search_of_all is
'Called whenever words are searched in the calls of all tenants. Not which: the log outlives whom they may name.';
revoke execute on function ledger.record_search_of_all() from public;
grant execute on function ledger.record_search_of_all() to minutebook_searcher;

create function marts.words_of(of_tenant text, words tsvector) returns tsvector
language sql immutable parallel safe set search_path = '' as $$
    -- As text, to keep each word's places. No word holds a space.
    select (
        words::text || pg_catalog.replace(' ' || words::text, ' ''', ' ''' || pg_catalog.left(pg_catalog.md5(of_tenant), 8) || '=')
    )::tsvector || pg_catalog.array_to_tsvector(array['=' || of_tenant])
$$;
comment on function marts.words_of(text, tsvector) is
'Words as they are, as words of this tenant, and the tenant as one.';

create function marts.words_of(of_tenant text, asked tsquery) returns tsquery
language sql immutable parallel safe set search_path = '' as $$
    select
        pg_catalog.quote_literal('=' || of_tenant)::tsquery
        && pg_catalog.regexp_replace(
            asked::text, '''((?:[^'']|'''')*)''', '''' || pg_catalog.left(pg_catalog.md5(of_tenant), 8) || '=\1''', 'g'
        )::tsquery
$$;
comment on function marts.words_of(text, tsquery) is 'What is asked, of words of this tenant alone.';

create function marts.found_calls(
    asked tsquery, said text, of_tenant text, first_day date, last_day date, at_most int, agent text, no_agent text,
    of_outcome text, of_end text, of_campaign text, of_customer text, of_at_least int, of_at_most int,
    of_cost_from numeric, of_cost_to numeric, after_day date, after_created timestamptz, after_id text,
    after_source text, after_tenant text
) returns table (tenant_id text, usage_date date, created_at timestamptz, source text, call_id text)
language plpgsql stable set search_path = '' set plan_cache_mode = 'force_custom_plan' rows 50 as $$
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
comment on function marts.found_calls is
'Calls in which these words were said, newest first, after a place in that list. For the functions below alone.';

create function marts.search_calls_of(
    of_tenant text, words text, first_day date, last_day date, at_most int, agent text, no_agent text, of_outcome text,
    of_end text, of_campaign text, of_customer text, of_at_least int, of_at_most int, of_cost_from numeric,
    of_cost_to numeric, after_day date, after_created timestamptz, after_id text, after_source text
) returns table (usage_date date, created_at timestamptz, source text, call_id text)
language plpgsql stable security definer set search_path = '' rows 50 as $$
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
comment on function marts.search_calls_of is
'Calls of one tenant in which these words were said, newest first, after a place in that list. For operators.';

create function marts.search_calls(
    words text, first_day date, last_day date, at_most int, agent text, no_agent text, of_outcome text, of_end text,
    of_campaign text, of_customer text, of_at_least int, of_at_most int, after_day date, after_created timestamptz,
    after_id text, after_source text
) returns table (usage_date date, created_at timestamptz, source text, call_id text)
language plpgsql stable security definer set search_path = '' rows 50 as $$
begin
    return query select * from marts.search_calls_of(
        control.reading_tenant(), words, first_day, last_day, at_most, agent, no_agent, of_outcome, of_end, of_campaign,
        of_customer, of_at_least, of_at_most, null, null, after_day, after_created, after_id, after_source
    );
end
$$;
comment on function marts.search_calls is
'The same of the tenant of the login that is connected, never by what a call cost; nothing for a login that is bound to none.';

create function marts.search_all_calls(
    languages text[], words text, first_day date, last_day date, at_most int, of_outcome text, of_end text,
    of_customer text, of_at_least int, of_at_most int, of_cost_from numeric, of_cost_to numeric, after_day date,
    after_created timestamptz, after_id text, after_source text, after_tenant text
) returns table (tenant_id text, usage_date date, created_at timestamptz, source text, call_id text)
language plpgsql volatile security definer set search_path = '' rows 50 as $$
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
comment on function marts.search_all_calls is
'Calls of all tenants in which these words were said, in any of these languages, newest first. For operators; the audit log says who did.';

revoke execute on function marts.words_of(text, tsvector), marts.words_of(text, tsquery) from public;
grant execute on function marts.words_of(text, tsvector) to minutebook_transformer;
grant execute on function marts.words_of(text, tsquery) to minutebook_searcher;

do $$
declare
    search text;
begin
    for search in
        select p.oid::regprocedure::text
        from pg_catalog.pg_proc as p
        where
            p.pronamespace = 'marts'::regnamespace
            and p.proname in ('found_calls', 'search_calls', 'search_calls_of', 'search_all_calls')
    loop
        execute pg_catalog.format('revoke execute on function %s from public', search);
        if search like 'marts.search_calls(%' then
            execute pg_catalog.format('grant execute on function %s to minutebook_tenant', search);
        elsif search not like 'marts.found_calls(%' then
            execute pg_catalog.format('grant execute on function %s to minutebook_operator', search);
        end if;
        execute pg_catalog.format('alter function %s owner to minutebook_searcher', search);
    end loop;
end
$$;
grant execute on function control.reading_tenant() to minutebook_searcher;
revoke create on schema marts from minutebook_searcher;
