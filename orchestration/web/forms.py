"""What a posted form holds, and where it may lead."""

from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST_FORM_BYTES = 16_384
_MOST_DIGITS = 18

Form = dict[str, str]


async def form_of(request: Request) -> Form:
    """The fields of a posted form. Raises HTTPException 413 when it is larger than any of ours, 400 when it is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM_BYTES:
            raise HTTPException(413, "That form is larger than any of ours.")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=20, strict_parsing=bool(body))
    except ValueError:
        raise HTTPException(400, "That form could not be read.") from None
    if "\0" in "".join((*fields, *(value for values in fields.values() for value in values))):
        raise HTTPException(400, "That form could not be read.")
    return {name: values[-1] for name, values in fields.items()}


def whole_number(form: Form, name: str, default: int = 0) -> int:
    """A count of a form, default where it is left empty. Raises ValueError for what is none, and for 10^18 and more."""
    typed = form.get(name, "").strip()
    if typed and not (typed.isascii() and typed.isdigit() and len(typed) <= _MOST_DIGITS):
        raise ValueError(f"{typed} is no whole number")
    return int(typed or default)


def own_path(path: str) -> str:
    """The path if it is one of this site: //host and /\\host are another's, also to who leaves out tabs and lines."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"
