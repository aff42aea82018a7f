-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'exchange_rates') }}
),

renamed as (
    select
        from_currency,
        to_currency,
        rate,
        ---------- dates
        valid_from,
        coalesce(
            lead(valid_from) over (partition by from_currency, to_currency order by valid_from), 'infinity'
        )::date as valid_to
    from source
)

select * from renamed
