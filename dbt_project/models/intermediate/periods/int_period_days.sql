{{ config(materialized='incremental', indexes=[{'columns': ['tenant_id', 'usage_date']}]) }}
-- Each day of each period, so that usage finds its period by equality: by a range it was held against all periods of its
-- tenant, and that grows with the square of the months.
with periods as (
    select * from {{ ref('int_periods') }}
    where {{ of_changed_tenants('tenant_id') }}
),

days as (
    select
        periods.tenant_id,
        days.day::date as usage_date,
        periods.period_start,
        periods.voice_meter_id
    from periods
    cross join
        lateral generate_series(
            periods.period_start::timestamp, periods.period_end::timestamp - interval '1 day', interval '1 day'
        ) as days (day)
)

select * from days
