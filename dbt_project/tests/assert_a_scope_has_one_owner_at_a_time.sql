-- Scopes are of two tables, so no key of the database says it. They are read whenever control data was: the view itself stands.
-- depends_on: {{ ref('stg_control__revision') }}
{{ test_one_row_per(ref('stg_control__scopes'), ['kind', 'value', 'valid_from']) }}
