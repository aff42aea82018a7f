"""Tenants whose answers change from pull to pull, so that a crash meets days to publish, to replace and to empty."""

import os
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

from tests.faults.scene import invented_calls
from tests.faults.zygote import Zygote
from tests.ingestion.house import House

CURRENT = """
select p.account, p.usage_date, r.call_id, (r.payload ->> 'cost')::numeric as cost
from ledger.pulls as p join raw_vapi.calls as r using (pull_id)
where p.state = 'published'
"""
BOOKS = """
select p.account, p.usage_date, p.row_count, (p.totals ->> 'cost')::numeric as cost,
    (select count(*) from raw_vapi.calls as r where r.pull_id = p.pull_id) as landed
from ledger.pulls as p where p.state = 'published'
"""


@dataclass
class Restless:
    """`calls` is what each tenant's account holds now: exactly this must be published after a pull that ends well."""

    house: House
    zygote: Zygote
    days: tuple[date, ...]
    calls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, tenant: str, calls_per_day: int = 5) -> None:
        """A tenant with a Vapi account of its own."""
        self.calls[tenant] = [call for day in self.days for call in invented_calls(tenant, day, calls_per_day)]
        self.house.tenant(tenant)
        self.house.own_vapi(tenant, self.calls[tenant])

    def change(self, random: Random) -> None:
        """Some days stay, some grow, some cost more or less, some lose a call, some are emptied."""
        for tenant, calls in self.calls.items():
            for day in self.days:
                own = [call for call in calls if call["createdAt"].startswith(str(day))]
                match random.choice(["stay", "grow", "cost", "lose", "empty"]):
                    case "grow":
                        calls.extend(invented_calls(f"{tenant}/{random.random()}", day, 2))
                    case "cost" if own:
                        own[0]["cost"] = round(random.random(), 4)
                    case "lose" if own:
                        calls.remove(own[0])
                    case "empty":
                        calls[:] = [call for call in calls if call not in own]

    def run(self, **options: Any) -> dict[str, Any]:
        """A pull of every tenant's every day, to be started."""
        return {"tenants": list(self.calls), "days": [str(day) for day in self.days], **options}

    def start(self, *runs: dict[str, Any]) -> None:
        """Start runs at once."""
        self.zygote.start({name: value for name, value in os.environ.items() if name.startswith("MINUTEBOOK_")}, *runs)

    def pull(self, *runs: dict[str, Any]) -> list[dict[str, Any]]:
        """Start runs at once and wait for them; without any, everything, undisturbed."""
        self.start(*(runs or (self.run(),)))
        return self.zygote.ended()

    def assert_books_are_true(self) -> None:
        """What is published is what the accounts hold, call by call and cent by cent, and nothing is under way."""
        held = sorted(
            (tenant, call["createdAt"][:10], call["id"], Decimal(repr(call["cost"])))
            for tenant, calls in self.calls.items()
            for call in calls
        )
        current = self.house.execute(CURRENT)
        assert sorted((r["account"], str(r["usage_date"]), r["call_id"], r["cost"]) for r in current) == held
        books = {(row["account"], str(row["usage_date"])): row for row in self.house.execute(BOOKS)}
        assert books.keys() == {(tenant, str(day)) for tenant in self.calls for day in self.days}
        for key, row in books.items():
            own = [cost for tenant, day, _, cost in held if (tenant, day) == key]
            assert (row["row_count"], row["landed"], row["cost"]) == (len(own), len(own), sum(own)), key
        assert self.house.execute("select 1 from ledger.pulls where state = 'reading'") == []
