"""Errors as Stripe words them."""

from dataclasses import dataclass


@dataclass
class StripeProblem(Exception):
    status: int
    code: str | None
    message: str
    type: str = "invalid_request_error"
    is_stored: bool = False

    def body(self) -> dict[str, object]:
        error: dict[str, object] = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
        return {"error": error}


def missing(kind: str, name: str) -> StripeProblem:
    return StripeProblem(404, "resource_missing", f"No such {kind}: '{name}'")
