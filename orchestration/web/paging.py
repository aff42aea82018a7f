"""A long list in pages, by links that work without a script."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request


class Paging:
    """Which rows of a list are shown, and the addresses of the pages beside. Pages are numbered from 1; name: the
    parameter that says which, where an address has more than one list."""

    def __init__(self, request: Request, found: int, rows: int, name: str = "page") -> None:
        self.found = found
        self.rows = rows
        self.pages = max(1, -(-found // rows))
        self.page = min(page_number(request, name), self.pages)
        self.start = (self.page - 1) * rows
        self.end = min(self.start + rows, found)
        self._name = name
        self._parameters: Mapping[str, Any] = dict(request.query_params)

    @property
    def before(self) -> str:
        """The address of the page before; empty on the first."""
        return self._to(self.page - 1) if self.page > 1 else ""

    @property
    def after(self) -> str:
        """The address of the page after; empty on the last."""
        return self._to(self.page + 1) if self.page < self.pages else ""

    def _to(self, page: int) -> str:
        return "?" + urlencode({**self._parameters, self._name: page})


def page_number(request: Request, name: str = "page") -> int:
    """The page asked for; the first where that is no number."""
    asked = request.query_params.get(name, "1")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
