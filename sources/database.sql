-- How this transaction writes times, numbers and text, whatever the server, its pooler or the environment (PGTZ, PGDATESTYLE
-- and their like) ask for: what is hashed must not depend on where we run. Beside each setting, what it is now.
with wanted (name, value) as (
    values
    ('TimeZone', 'UTC'),
    ('DateStyle', 'ISO, MDY'),
    ('IntervalStyle', 'postgres'),
    ('extra_float_digits', '1'),
    ('bytea_output', 'hex'),
    ('client_encoding', 'UTF8'),
    ('lock_timeout', '30s'),
    ('statement_timeout', '5min'),
    ('idle_in_transaction_session_timeout', '5min')
),

done as materialized (
    select
        wanted.name,
        wanted.value,
        set_config(wanted.name, wanted.value, true) as was_set
    from wanted
)

select
    done.name,
    done.value,
    case when done.was_set is not null then current_setting(done.name) end as is_now
from done
