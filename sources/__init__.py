"""How each provider is asked: one account, one UTC day, half-open.

Adding a provider is a folder of the same shape and a line here.
"""

from dataclasses import dataclass

from sources import usage_metrics, vapi, voiceflow


@dataclass(frozen=True)
class Source:
    """`horizon_days`: how long the provider remembers, None if it does not forget. `key_of`: the provider
    whose stored credential opens it, None if none is needed. `counts_itself`: whether the provider has a total of its
    own, by which a list that lost rows can be confirmed.
    """

    name: str
    horizon_days: int | None
    key_of: str | None
    counts_itself: bool = False


SOURCES = {
    source.name: source
    for source in (
        Source("vapi", vapi.HORIZON_DAYS, key_of="vapi", counts_itself=True),
        Source("voiceflow", voiceflow.HORIZON_DAYS, key_of="voiceflow"),
        Source("voiceflow_transcripts", voiceflow.TRANSCRIPTS_HORIZON_DAYS, key_of="voiceflow"),
        Source("usage_metrics", usage_metrics.HORIZON_DAYS, key_of=None),
    )
}

HORIZONS = {source.name: source.horizon_days for source in SOURCES.values()}
"""How many days each source's provider remembers; None: it does not forget."""
