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
        parent_ref,
        quantity_unit,
        currency,
        amount_told,
        amount_unit,
        payer,
        ---------- numerics
        quantity,
        amount,
        day_total,
        ---------- booleans
        coalesce(is_pending, false) as is_pending,
        ---------- dates
        usage_date,
        as_of,
        final_after
    from landed
)

select * from renamed
