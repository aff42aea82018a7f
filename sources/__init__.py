"""How each provider is asked: one account, one UTC day, half-open.

Adding a provider is a folder of the same shape and a line here.
"""

from dataclasses import dataclass

from sources import usage_metrics, vapi, voiceflow


@dataclass(frozen=True)
class Source:
    """`horizon_days`: how long the provider remembers, None if it does not forget. `needs_key`: whether a stored
    credential opens it.
    """

    name: str
    horizon_days: int | None
    needs_key: bool


SOURCES = {
    source.name: source
    for source in (
        Source("vapi", vapi.HORIZON_DAYS, needs_key=True),
        Source("voiceflow", voiceflow.HORIZON_DAYS, needs_key=True),
        Source("usage_metrics", usage_metrics.HORIZON_DAYS, needs_key=False),
    )
}
