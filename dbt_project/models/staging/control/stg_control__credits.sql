-- depends_on: {{ ref('stg_control__revision') }}
with source as (
    select * from {{ source('control', 'credits') }}
),

voids as (
    select * from {{ source('control', 'credit_voids') }}
),

renamed as (
    select
        source.credit_id,
        source.tenant_id,
        source.amount as given_amount,
        source.amount - coalesce(voids.taken_back, 0) as amount,
        source.reason,
        ---------- dates
        source.valid_from,
        coalesce(source.expires_on, 'infinity')::date as expires_on,
        to_jsonb(voids.kept_by) as kept_by
    from source
    left join voids on source.credit_id = voids.credit_id
)

select * from renamed
