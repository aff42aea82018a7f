"""What a posted form holds, and where it may lead."""

from email.message import Message
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

LARGEST_FORM_BYTES = 16_384
LARGEST_UPLOAD_BYTES = 262_144
_MOST_FIELDS = 20
_MOST_DIGITS = 18

Form = dict[str, str]


async def form_of(request: Request) -> Form:
    """The fields of a posted form; a file that it brings is `file_of` the request afterwards.

    Raises HTTPException 413 when it is larger than any of ours, 400 when it is none.
    """
    kind = _header(request.headers.get("content-type", ""))
    is_upload = kind.get_content_type() == "multipart/form-data"
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > (LARGEST_UPLOAD_BYTES if is_upload else LARGEST_FORM_BYTES):
            raise HTTPException(413, "That form is larger than any of ours.")
    try:
        if is_upload:
            fields, request.state.files = _parts(body, str(kind.get_param("boundary", "")))
        else:
            read = parse_qs(
                body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, strict_parsing=bool(body)
            )
            fields = {name: values[-1] for name, values in read.items()}
    except ValueError:
        raise HTTPException(400, "That form could not be read.") from None
    if "\0" in "".join((*fields, *fields.values())):
        raise HTTPException(400, "That form could not be read.")
    return fields


def file_of(request: Request, name: str) -> bytes | None:
    """The file that a form brought in a field; None where none was chosen."""
    return getattr(request.state, "files", {}).get(name) or None


def _parts(body: bytes, boundary: str) -> tuple[Form, dict[str, bytes]]:
    """The fields and the files of a form that brings files, as RFC 7578 writes them. Raises ValueError."""
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if not boundary or first or not parts or not parts.pop().startswith(b"--") or len(parts) > _MOST_FIELDS:
        raise ValueError(boundary)
    fields, files = {}, {}
    for part in parts:
        head, found, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = next(
            (line for line in head.decode().split("\r\n") if line.lower().startswith("content-disposition:")), ""
        )
        disposition = _header(said.partition(":")[2].strip())
        name = disposition.get_param("name")
        if not found or not isinstance(name, str):
            raise ValueError(said)
        if disposition.get_param("filename") is None:
            fields[name] = value.decode()
        else:
            files[name] = value
    return fields, files


def _header(value: str) -> Message:
    """A header with parameters, whose value is read as that of Content-Type is."""
    message = Message()
    message["content-type"] = value
    return message


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
