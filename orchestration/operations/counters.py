"""What this process counted since it began; each process of several has its own."""

from prometheus_client import CollectorRegistry, Counter

REGISTRY = CollectorRegistry(auto_describe=True)
EVENTS = Counter(
    "minutebook_events",
    "Events that were pushed, by what became of them: accepted, duplicate or refused.",
    ["outcome"],
    registry=REGISTRY,
)
for outcome in ("accepted", "duplicate", "refused"):
    EVENTS.labels(outcome)  # told as 0 from the beginning, so that a rate is known
