"""Twilio's lists: how its accounts are asked, page after page, to the last one."""

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

import msgspec

from sources.bills import MOST_PAGES
from sources.day import Access, Day
from sources.errors import AnswerMoved, ContractBroken, CredentialRejected, ProviderRefused, PullTruncated
from sources.http import ProviderClient
from sources.rows import Row, parser

BASE_URL = "https://api.twilio.com"
# Twilio publishes no number for its limit, which is on requests at once (429, code 20429).
CONCURRENCY = 4
PER_SECOND = 10.0
MOST_ROWS = 1000
"""Of a page; the default is 50."""
ACCOUNT = "twilio_account"
USUAL = {"messages": "yes", "transcriptions": "no"}
"""Lists beside the calls and their recordings, and whether they are read where the credential does not say."""

Answer: TypeAlias = Mapping[str, Any]


class TwilioClient(ProviderClient):
    """Asks with one key, which opens `account`; the token of a main account opens its subaccounts besides.

    `details`: which lists beside the calls and their recordings are read.
    """

    def __init__(self, access: Access) -> None:
        self.account = access.setting("account_sid")
        self.details = tuple(name for name, usual in USUAL.items() if access.settings.get(name, usual) == "yes")
        user = str(access.settings.get("api_key_sid", self.account))
        encoded = base64.b64encode(f"{user}:{access.key}".encode()).decode()
        budget = access.budget(CONCURRENCY, PER_SECOND, BASE_URL)
        secrets = (access.key, encoded)
        headers = {"authorization": f"Basic {encoded}"}
        super().__init__("Twilio", access.address or BASE_URL, headers, budget, secrets=secrets)

    def meaning_of(self, status: int, answer: Answer) -> str | None:
        return {
            401: "key and account do not go together: a key opens only the account it was made in, and account_sid and"
            " api_key_sid must be of that one",
            403: "the key may not read this: give it read permission for it in Twilio's console",
            404: "the account is not there any more, or not this key's: Twilio deletes a closed one after 30 days",
        }.get(status)


def accounts(client: TwilioClient, day: Day) -> tuple[str, ...]:
    """The account of the key, and for the platform's its subaccounts that are attached on the day."""
    if day.tenant_id is not None:
        return (client.account,)
    attached = (scope.value for scope in day.attached if scope.kind == ACCOUNT)
    return tuple(dict.fromkeys((client.account, *attached)))


def of_each_account(client: TwilioClient, day: Day, read: Callable[[str], list[Row]]) -> Iterator[Row]:
    """Rows of every account. A subaccount that is refused is set aside by itself, and leaves the others whole."""
    for account in accounts(client, day):
        try:
            yield from read(account)
        except (CredentialRejected, ProviderRefused) as failure:
            if account == client.account:
                raise
            whose = {"scope_kind": ACCOUNT, "scope_ref": account}
            yield Row(whose, {"account_sid": account}, fault=f"what it was charged is unknown: {failure}")


def listed(client: TwilioClient, account: str, resource: str, rows: str, params: Mapping[str, str]) -> Iterator[Answer]:
    """Every row of a list, `rows` being its name in the answer. The address of the next page is followed as it stands,
    but to no other list: it carries the key. ContractBroken, PullTruncated or AnswerMoved where pages do not add up.
    """
    path = f"/2010-04-01/Accounts/{account}/{resource}.json"
    parse = _parser_of(rows)
    page = client.get(path, parse, {**params, "PageSize": MOST_ROWS})
    pages: set[str] = set()
    sids: set[str] = set()
    while True:
        of_page = {str(row["sid"]) for row in page.rows if "sid" in row}
        if moved := sids & of_page:
            raise AnswerMoved(f"Twilio GET {path}: {min(moved)} is on two pages")
        sids |= of_page
        yield from page.rows
        following = page.next_page_uri
        if following is None:
            return
        if not following.startswith(f"{path}?") or following in pages:
            raise ContractBroken(f"Twilio GET {path}: the next page is one that was read, or of another list")
        pages.add(following)
        if len(pages) >= MOST_PAGES:
            raise PullTruncated(f"Twilio GET {path}: its pages do not end after {MOST_PAGES}")
        page = client.get(following, parse, None)


@cache
def _parser_of(rows: str) -> Callable[[bytes], Any]:
    """Of a page; msgspec.ValidationError for an answer that is none. Where no more follow, it says so."""
    members: Any = [("rows", list[dict[str, Any]]), ("next_page_uri", str | None)]
    return parser(msgspec.defstruct("Page", members, rename={"rows": rows}))
