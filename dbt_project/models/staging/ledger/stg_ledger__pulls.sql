with source as (
    select * from {{ source('ledger', 'pulls') }}
),

renamed as (
    select
        ---------- ids
        pull_id,
        source,
        account,
        tenant_id,
        usage_date,
        confirms_pull_id,
        ---------- state
        state,
        holds_results,
        is_incomplete,
        is_in_progress,
        lacks_only_quarantined,
        cause_code,
        cause,
        row_count,
        ---------- timestamps
        closed_at as pulled_at
    from source
)

select * from renamed
