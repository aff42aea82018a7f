"""What an account holds: ids by which its usage may route, read to propose attachments, and its campaigns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Held:
    """An object of an account. what: number, assistant …; kind: the scope kind by which usage routes by it. label: what
    people know it by besides its name, such as the number itself.
    """

    what: str
    kind: str
    value: str
    name: str = ""
    label: str = ""


@dataclass(frozen=True)
class Campaign:
    """A campaign of an account. calls, connected: how many its provider counts, None where it does not say: a check of
    ours, and billed by nobody. is_over: whether it will make no more.
    """

    campaign_id: str
    name: str = ""
    calls: int | None = None
    connected: int | None = None
    is_over: bool = False
