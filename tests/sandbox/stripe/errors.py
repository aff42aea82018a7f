"""Errors as Stripe words them."""

from dataclasses import dataclass


@dataclass
class StripeProblem(Exception):
    """code and param are left out where Stripe sends none."""

    status: int
    code: str | None
    message: str
    type: str = "invalid_request_error"
    is_stored: bool = False
    param: str | None = None

    def body(self) -> dict[str, object]:
        error: dict[str, object] = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
        if self.param:
            error["param"] = self.param
        return {"error": error}


def missing(kind: str, name: str, param: str | None = None) -> StripeProblem:
    """What is named does not exist: 404 where the path names it, 400 where a parameter does."""
    return StripeProblem(400 if param else 404, "resource_missing", f"No such {kind}: '{name}'", param=param or "id")


def unrecognized(method: str, path: str) -> StripeProblem:
    return StripeProblem(404, None, f"Unrecognized request URL ({method}: {path}).")
