"""What an account holds that usage may route by: read to propose attachments. Ids and names only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """An object of an account. what: number, assistant, campaign …; kind: the scope kind by which usage routes by it,
    None where none does. label: what people know it by besides its name, such as the number itself. calls, connected:
    of a campaign, how many calls its provider counts, where it does: a check of ours, and billed by nobody.
    """

    what: str
    kind: str | None
    value: str
    name: str = ""
    label: str = ""
    calls: int | None = None
    connected: int | None = None
