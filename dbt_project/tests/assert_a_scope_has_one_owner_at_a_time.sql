-- Scopes are of two tables, so no key of the database says it. They are read whenever control data was: the view itself stands.
-- depends_on: {{ ref('stg_control__revision') }}
select
    kind,
    value,
    valid_from
from {{ ref('stg_control__scopes') }}
group by kind, value, valid_from
having count(*) > 1
