-- Credits come last and in order: periods as they follow, in each the credit that expires soonest first, none below
-- zero. What one period uses is gone for the next, so the balances are carried from step to step.
with recursive lines as (
    select
        tenant_id,
        period_start,
        amount
    from {{ ref('int_lines_rated') }}
    where period_state not in ('approved', 'closed')
    union all
    select
        tenant_id,
        period_start,
        amount
    from {{ ref('int_adjustments') }}
),

due as (
    select
        tenant_id,
        period_start,
        sum(amount) as amount
    from lines
    group by tenant_id, period_start
),

used_before as (
    select
        (inputs ->> 'credit_id')::bigint as credit_id,
        -sum(amount) as amount
    from {{ ref('stg_ledger__statement_lines') }}
    where line_kind = 'credit'
    group by inputs ->> 'credit_id'
),

steps as (
    select
        credits.tenant_id,
        row_number() over (
            partition by credits.tenant_id
            order by periods.period_start, credits.expires_on, credits.valid_from, credits.credit_id
        ) as step,
        periods.period_start,
        periods.period_end,
        periods.period_state,
        periods.currency,
        periods.service_start,
        periods.service_end,
        credits.credit_id,
        credits.reason,
        credits.given_amount,
        credits.valid_from,
        nullif(credits.expires_on, 'infinity') as expires_on,
        greatest(coalesce(due.amount, 0), 0) as due_amount,
        trunc(
            credits.amount - coalesce(used_before.amount, 0), {{ minor_units('periods.currency') }}
        ) as opening_balance
    from {{ ref('stg_control__credits') }} as credits
    inner join {{ ref('int_periods') }} as periods
        on
            credits.tenant_id = periods.tenant_id
            and periods.period_state not in ('approved', 'closed')
            and credits.valid_from < periods.period_end
            and credits.expires_on > periods.period_start
            and (credits.kept_by is null or credits.kept_by @> to_jsonb(periods.period_start))
    left join due on periods.tenant_id = due.tenant_id and periods.period_start = due.period_start
    left join used_before on credits.credit_id = used_before.credit_id
),

walked as (
    select
        steps.*,
        least(steps.due_amount, steps.opening_balance) as applied,
        steps.due_amount - least(steps.due_amount, steps.opening_balance) as still_due,
        jsonb_build_object(
            steps.credit_id::text, steps.opening_balance - least(steps.due_amount, steps.opening_balance)
        ) as balances
    from steps
    where steps.step = 1
    union all
    select
        steps.*,
        amounts.applied,
        amounts.due - amounts.applied as still_due,
        walked.balances || jsonb_build_object(steps.credit_id::text, amounts.balance - amounts.applied) as balances
    from walked
    inner join steps on walked.tenant_id = steps.tenant_id and walked.step + 1 = steps.step
    -- The step before is only known inside the recursion, so it cannot be a CTE of its own.
    cross join lateral ( -- noqa: ST05
        select
            known.due,
            known.balance,
            least(known.due, known.balance) as applied
        from (
            select
                case
                    when steps.period_start = walked.period_start then walked.still_due else steps.due_amount
                end as due,
                coalesce((walked.balances ->> steps.credit_id::text)::numeric, steps.opening_balance) as balance
        ) as known
    ) as amounts
),

applied as (
    select
        concat_ws('/', tenant_id, period_start::text, 'credit', credit_id) as line_id,
        tenant_id,
        period_start,
        period_end,
        period_state,
        'credit' as line_kind,
        -applied as amount,
        currency,
        service_start as service_period_start,
        service_end as service_period_end,
        jsonb_build_object(
            'credit_id', credit_id, 'reason', reason, 'given', given_amount, 'valid_from', valid_from,
            'expires_on', expires_on, 'unrounded_amount', -applied
        ) as inputs
    from walked
    where applied > 0
)

select * from applied
