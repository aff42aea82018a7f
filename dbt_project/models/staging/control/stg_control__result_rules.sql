-- depends_on: {{ ref('stg_control__revision') }}
with rubrics as (
    select * from {{ source('control', 'call_rubrics') }}
),

outputs as (
    select * from {{ source('control', 'call_outputs') }}
),

languages as (
    select * from {{ source('control', 'search_languages') }}
),

rules as (
    select
        tenant_id,
        kind,
        value,
        rubric,
        success_from,
        null as meaning,
        null as language,
        concat_ws(':', tenant_id, kind, value, rubric, success_from) as rule
    from rubrics
    union all
    select
        tenant_id,
        null as kind,
        output_id as value,
        null as rubric,
        null as success_from,
        meaning,
        null as language,
        concat_ws(':', tenant_id, output_id, meaning) as rule
    from outputs
    union all
    select
        tenant_id,
        null as kind,
        null as value,
        null as rubric,
        null as success_from,
        null as meaning,
        language,
        concat_ws(':', tenant_id, 'in', language) as rule
    from languages
)

select * from rules
