-- depends_on: {{ ref('stg_control__revision') }}
with rubrics as (
    select * from {{ source('control', 'call_rubrics') }}
),

outputs as (
    select * from {{ source('control', 'call_outputs') }}
),

rules as (
    select
        tenant_id,
        kind,
        value,
        rubric,
        success_from,
        null as meaning,
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
        concat_ws(':', tenant_id, output_id, meaning) as rule
    from outputs
)

select * from rules
