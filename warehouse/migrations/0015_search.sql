-- Words that were said, found through one function: a search under row-level security could use no index of words, since the
-- operator that asks it is not leakproof and so comes after the policy. Whose calls are searched is a lexeme of the query and
-- a condition beside it; the owner of the functions can do nothing else, and nobody can become it. Planned for the words that
-- are asked: a plan for any words is ten times slower for common ones.
grant usage on schema marts, control to minutebook_searcher;
grant create on schema marts to minutebook_searcher;

create function marts.search_calls_of(
    of_tenant text, words text, first_day date, last_day date, at_most int, agent text, no_agent text, of_outcome text,
    of_end text, of_campaign text, of_at_least int, of_at_most int, after_day date, after_created timestamptz,
    after_id text, after_source text
) returns table (usage_date date, created_at timestamptz, source text, call_id text)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' rows 50 as $$
declare
    asked constant tsquery := pg_catalog.websearch_to_tsquery('simple', pg_catalog.left(words, 200));
begin
    if of_tenant is null or pg_catalog.numnode(asked) = 0 then
        return;
    end if;
    return query
    select t.usage_date, t.created_at, t.source, t.call_id
    from marts.fct_call_texts as t
    where
        t.words @@ (pg_catalog.quote_literal('=' || of_tenant)::tsquery && asked)
        -- By the words, and not by the index on the tenant: its calls may be many, and the word rare.
        and t.tenant_id || '' = of_tenant
        and t.usage_date >= first_day
        and t.usage_date <= last_day
        and (agent is null or t.agent_id is not distinct from nullif(agent, no_agent))
        and (of_outcome is null or t.outcome = of_outcome)
        and (of_end is null or t.end_group = of_end)
        and (of_campaign is null or t.campaign_id = of_campaign)
        and (of_at_least is null or t.connected_seconds >= of_at_least)
        and (of_at_most is null or t.connected_seconds <= of_at_most)
        and (
            after_id is null
            or (t.usage_date, t.created_at, t.call_id, t.source) < (after_day, after_created, after_id, after_source)
        )
    order by t.usage_date desc, t.created_at desc, t.call_id desc, t.source desc
    limit least(at_most, 5000);
end
$$;
comment on function marts.search_calls_of is
'Calls of one tenant in which these words were said, newest first, after a place in that list. For operators.';

create function marts.search_calls(
    words text, first_day date, last_day date, at_most int, agent text, no_agent text, of_outcome text, of_end text,
    of_campaign text, of_at_least int, of_at_most int, after_day date, after_created timestamptz, after_id text,
    after_source text
) returns table (usage_date date, created_at timestamptz, source text, call_id text)
language plpgsql stable security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' rows 50 as $$
begin
    return query select * from marts.search_calls_of(
        control.reading_tenant(), words, first_day, last_day, at_most, agent, no_agent, of_outcome, of_end, of_campaign,
        of_at_least, of_at_most, after_day, after_created, after_id, after_source
    );
end
$$;
comment on function marts.search_calls is
'The same of the tenant of the login that is connected; nothing for a login that is bound to none.';

revoke execute on function
marts.search_calls_of(
    text, text, date, date, int, text, text, text, text, text, int, int, date, timestamptz, text, text
),
marts.search_calls(text, date, date, int, text, text, text, text, text, int, int, date, timestamptz, text, text)
from public;
grant execute on function
marts.search_calls_of(
    text, text, date, date, int, text, text, text, text, text, int, int, date, timestamptz, text, text
)
to minutebook_operator;
grant execute on function
marts.search_calls(text, date, date, int, text, text, text, text, text, int, int, date, timestamptz, text, text)
to minutebook_tenant;
grant execute on function control.reading_tenant() to minutebook_searcher;
alter function marts.search_calls_of(
    text, text, date, date, int, text, text, text, text, text, int, int, date, timestamptz, text, text
) owner to minutebook_searcher;
alter function marts.search_calls(
    text, date, date, int, text, text, text, text, text, int, int, date, timestamptz, text, text
) owner to minutebook_searcher;
revoke create on schema marts from minutebook_searcher;
