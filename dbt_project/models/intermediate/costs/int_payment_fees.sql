{{ config(materialized='table') }}
-- What being paid a statement costs, by the rule in force on the first billed day of its period; nothing is paid of
-- nothing. It is estimated: what was really kept back is the payment provider's to say.
with totals as (
    select
        tenant_id,
        period_start,
        sum(amount) as total
    from {{ ref('fct_statement_lines') }}
    group by tenant_id, period_start
),

fees as (
    select
        periods.tenant_id,
        periods.period_start,
        periods.service_start as usage_date,
        periods.currency,
        trim_scale(totals.total * rules.percent / 100 + rules.fixed_amount) as cost
    from totals
    inner join {{ ref('int_periods') }} as periods
        on totals.tenant_id = periods.tenant_id and totals.period_start = periods.period_start
    inner join {{ ref('stg_control__payment_fees') }} as rules
        on
            periods.currency = rules.currency
            and periods.service_start >= rules.valid_from
            and periods.service_start < rules.valid_to
    where totals.total > 0
)

select * from fees
where cost > 0
