"""What of a row of a workspace's analytics is stored; names of people that are appended to ids are not."""

from sources.checks.allowed import LEFT_OUT, Allowed, Shape, fields
from sources.reading import SUMMED

_COLUMNS = (
    "timestamp time bucket start_time date hashed_xi_api_key reporting_workspace_id billing_group_id product_type model"
    " fiat_currency total_cost total_charge_count credits total_credits credit_usage usage unit"
)
_LABELS = "user_label voice_name api_key_name hashed_xi_api_key_label reporting_workspace_label billing_group_label"
_LINE: dict[str, Shape] = {**fields(_COLUMNS), **dict.fromkeys(_LABELS.split(), LEFT_OUT)}
LINE = Allowed({**_LINE, SUMMED: [_LINE]})
FACTS = (*_COLUMNS.split(), SUMMED)
