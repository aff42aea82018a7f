-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'sources') }}
),

renamed as (
    select
        source,
        provider,
        contract,
        bills,
        accounts,
        cost_is_of_scope,
        to_jsonb(scope_kinds) as scope_kinds,
        components,
        details_calls,
        look_back_days,
        case
            when contract = 'costs'
                then first_value(source) over (partition by provider, contract order by details_calls, source)
        end as bill_source
    from source
)

select * from renamed
