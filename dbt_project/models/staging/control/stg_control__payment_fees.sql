-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'payment_fees') }}
),

renamed as (
    select
        currency,
        percent,
        fixed_amount,
        ---------- dates
        valid_from,
        coalesce(lead(valid_from) over (partition by currency order by valid_from), 'infinity')::date as valid_to
    from source
)

select * from renamed
