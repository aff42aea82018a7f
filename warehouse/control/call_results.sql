-- name: put_rubric
with former as (
    select value from control.call_rubrics
    where tenant_id = %(tenant_id)s and kind = %(kind)s and value = %(value)s
),

written as (
    insert into control.call_rubrics as r (tenant_id, kind, value, rubric, success_from)
    values (%(tenant_id)s, %(kind)s, %(value)s, %(rubric)s, %(success_from)s)
    on conflict (tenant_id, kind, value) do update
        set rubric = excluded.rubric, success_from = excluded.success_from
        where (r.rubric, r.success_from) is distinct from (excluded.rubric, excluded.success_from)
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: remove_rubric
with written as (
    delete from control.call_rubrics
    where tenant_id = %(tenant_id)s and kind = %(kind)s and value = %(value)s
    returning 1
)

select
    1 as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: put_output
with former as (
    select output_id from control.call_outputs
    where tenant_id = %(tenant_id)s and output_id = %(output_id)s
),

written as (
    insert into control.call_outputs as o (tenant_id, output_id, meaning)
    values (%(tenant_id)s, %(output_id)s, %(meaning)s)
    on conflict (tenant_id, output_id) do update set meaning = excluded.meaning
        where o.meaning <> excluded.meaning
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: remove_output
with written as (
    delete from control.call_outputs
    where tenant_id = %(tenant_id)s and output_id = %(output_id)s
    returning 1
)

select
    1 as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: put_language
with former as (
    select language from control.search_languages
    where tenant_id = %(tenant_id)s
),

written as (
    insert into control.search_languages as s (tenant_id, language)
    values (%(tenant_id)s, %(language)s)
    on conflict (tenant_id) do update set language = excluded.language
        where s.language <> excluded.language
    returning 1
)

select
    (select count(*) from former) as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: remove_language
with written as (
    delete from control.search_languages
    where tenant_id = %(tenant_id)s
    returning 1
)

select
    1 as existed,
    (select count(*) from written) as written,
    null::date as next_from;

-- name: languages
select 'simple' as language
union
select language from control.search_languages
order by language;

-- name: rules
select
    tenant_id,
    kind,
    value,
    rubric as read_as,
    success_from
from control.call_rubrics
where %(tenant_id)s::text is null or tenant_id = %(tenant_id)s
union all
select
    tenant_id,
    'structured output' as kind,
    output_id as value,
    meaning as read_as,
    null as success_from
from control.call_outputs
where %(tenant_id)s::text is null or tenant_id = %(tenant_id)s
union all
select
    tenant_id,
    'text search' as kind,
    null as value,
    language as read_as,
    null as success_from
from control.search_languages
where %(tenant_id)s::text is null or tenant_id = %(tenant_id)s
order by tenant_id, kind, value;

-- name: kinds
select kind
from control.scope_kinds
where not is_of_one_row
order by kind;
