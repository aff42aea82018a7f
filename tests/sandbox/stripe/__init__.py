"""A stateful Stripe over real HTTP, with a clock that tests hold and faults that they choose.

It keeps the rules that decide whether overage is billed once: identifiers and keys remembered for 24 hours and replayed
with their first answer, errors too; the last value received per customer and UTC day; validation after the answer;
summaries that lag; drafts that become final. It is spoken to only through the official library.
"""

from tests.sandbox.stripe.errors import StripeProblem
from tests.sandbox.stripe.service import Call, Fault, StripeSandbox

__all__ = ["Call", "Fault", "StripeProblem", "StripeSandbox"]
