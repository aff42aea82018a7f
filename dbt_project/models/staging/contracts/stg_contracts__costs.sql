with landed as (
    select * from {{ source('contracts', 'costs') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        source,
        provider,
        account,
        tenant_id as account_tenant_id,
        ---------- texts
        grain,
        scope_kind,
        scope_ref,
        service,
        line_item,
        call_ref,
        quantity_unit,
        currency,
        payer,
        ---------- numerics
        quantity,
        amount,
        ---------- dates
        usage_date
    from landed
)

select * from renamed
