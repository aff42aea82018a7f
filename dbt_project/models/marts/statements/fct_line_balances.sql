-- What a line is rated at now against all that was ever stated of it. Whatever adjustments are made by, the two are equal.
with rated as (
    select
        line_id,
        tenant_id,
        currency,
        quantity,
        amount
    from {{ ref('int_lines_rated') }}
    where {{ is_real('tenant_id') }}
),

stated as (
    select
        coalesce(corrects_line_id, line_id) as line_id,
        min(tenant_id) as tenant_id,
        min(currency) as currency,
        sum(quantity) as quantity,
        sum(amount) as amount,
        bool_or(period_state in ('approved', 'closed')) as is_frozen
    from {{ ref('fct_statement_lines') }}
    where line_kind <> 'credit'
    group by coalesce(corrects_line_id, line_id)
),

-- A closed tenant's next statement begins with its next month: until then nothing can carry a correction.
with_an_open_period as (
    select distinct tenant_id
    from {{ ref('int_periods') }}
    where period_state not in ('approved', 'closed')
),

compared as (
    select
        coalesce(rated.line_id, stated.line_id) as line_id,
        coalesce(rated.tenant_id, stated.tenant_id) as tenant_id,
        coalesce(rated.currency, stated.currency) as currency,
        coalesce(rated.quantity, 0) as rated_quantity,
        coalesce(rated.amount, 0) as rated_amount,
        coalesce(stated.quantity, 0) as stated_quantity,
        coalesce(stated.amount, 0) as stated_amount,
        coalesce(stated.is_frozen, false) as is_frozen
    from rated
    full join stated on rated.line_id = stated.line_id
),

balanced as (
    select
        compared.line_id,
        compared.tenant_id,
        compared.currency,
        compared.rated_quantity,
        compared.rated_amount,
        compared.stated_quantity,
        compared.stated_amount,
        compared.is_frozen,
        carried.tenant_id is null as is_waiting,
        carried.tenant_id is null
        or (
            compared.rated_quantity = compared.stated_quantity and compared.rated_amount = compared.stated_amount
        ) as is_balanced
    from compared
    left join with_an_open_period as carried on compared.tenant_id = carried.tenant_id
)

select * from balanced
