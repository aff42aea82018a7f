-- depends_on: {{ ref('fct_pulls_built') }}
with revision as (
    select * from {{ ref('stg_control__revision') }}
),

build as (
    select
        revision as control_revision,
        {{ as_of() }} as as_of,
        null::timestamptz as failed_at,
        null::text as fault
    from revision
)

select * from build
