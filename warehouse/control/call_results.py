"""By which words the results of a tenant's calls are read: the rubric of an assistant, the meaning of an output, the
language in which words are searched.

They move no money: approved periods allow them, and marts read all results of that tenant again.
"""

from decimal import Decimal
from enum import StrEnum

from warehouse.control.agents import words_of
from warehouse.control.changes import Change, put
from warehouse.control.errors import NotFound, Refused
from warehouse.control.tenants import require_tenant
from warehouse.database.queries import Connection, Row, rows

FILE = "control/call_results"


class Rubric(StrEnum):
    """What the words of an evaluation are. pass_fail: true or false. numeric, percentage: a number. likert: strongly
    disagree (1) to strongly agree (5). descriptive: poor (1) to excellent (4). none: it is read by no rubric.
    """

    PASS_FAIL = "pass_fail"  # noqa: S105 - no password
    NUMERIC = "numeric"
    PERCENTAGE = "percentage"
    LIKERT = "likert"
    DESCRIPTIVE = "descriptive"
    NONE = "none"


class Meaning(StrEnum):
    """What a structured output says of a call; none: nothing that is read."""

    RATING = "rating"
    SENTIMENT = "sentiment"
    CATEGORIES = "categories"
    NONE = "none"


class Language(StrEnum):
    """In which language words that were said are searched; simple: as they are written, in any case."""

    SIMPLE = "simple"
    ARABIC = "arabic"
    ARMENIAN = "armenian"
    BASQUE = "basque"
    CATALAN = "catalan"
    DANISH = "danish"
    DUTCH = "dutch"
    ENGLISH = "english"
    FINNISH = "finnish"
    FRENCH = "french"
    GERMAN = "german"
    GREEK = "greek"
    HINDI = "hindi"
    HUNGARIAN = "hungarian"
    INDONESIAN = "indonesian"
    IRISH = "irish"
    ITALIAN = "italian"
    LITHUANIAN = "lithuanian"
    NEPALI = "nepali"
    NORWEGIAN = "norwegian"
    PORTUGUESE = "portuguese"
    ROMANIAN = "romanian"
    RUSSIAN = "russian"
    SERBIAN = "serbian"
    SPANISH = "spanish"
    SWEDISH = "swedish"
    TAMIL = "tamil"
    TURKISH = "turkish"
    YIDDISH = "yiddish"


def put_rubric(
    connection: Connection, tenant_id: str, kind: str, value: str, rubric: Rubric, success_from: Decimal | None
) -> Change:
    """Say by which rubric calls of a scope are judged. Raises NotFound for a tenant or kind that is none, Refused for a
    rubric without the value from which a call succeeded, or with one that it has no use for.
    """
    what = f"rubric of {words_of(kind)} {value}"
    needs_value = rubric not in (Rubric.PASS_FAIL, Rubric.NONE)
    if needs_value and success_from is None:
        raise Refused(f"{what}: {rubric} succeeds from a value on; add --success-from")
    if not needs_value and success_from is not None:
        raise Refused(f"{what}: {rubric} needs no --success-from; leave it out")
    with connection.transaction():
        require_tenant(connection, tenant_id)
        known = {row["kind"] for row in rows(connection, FILE, "kinds")}
        if kind not in known:
            raise NotFound("scope kind", kind, known)
        name = "remove_rubric" if rubric is Rubric.NONE else "put_rubric"
        asked = {"tenant_id": tenant_id, "kind": kind, "value": value, "rubric": str(rubric)}
        action, _ = put(connection, FILE, name, asked | {"success_from": success_from})
    return Change(what, action, "its evaluations are shown and not counted" if rubric is Rubric.NONE else str(rubric))


def put_output(connection: Connection, tenant_id: str, output_id: str, meaning: Meaning) -> Change:
    """Say what a structured output of a tenant's calls means. Raises NotFound for a tenant that is none."""
    with connection.transaction():
        require_tenant(connection, tenant_id)
        name = "remove_output" if meaning is Meaning.NONE else "put_output"
        asked = {"tenant_id": tenant_id, "output_id": output_id, "meaning": str(meaning)}
        action, _ = put(connection, FILE, name, asked)
    return Change(f"structured output {output_id} of tenant {tenant_id}", action, str(meaning))


def put_language(connection: Connection, tenant_id: str, language: Language) -> Change:
    """Say in which language a tenant's calls are searched. Raises NotFound for a tenant that is none."""
    with connection.transaction():
        require_tenant(connection, tenant_id)
        name = "remove_language" if language is Language.SIMPLE else "put_language"
        action, _ = put(connection, FILE, name, {"tenant_id": tenant_id, "language": str(language)})
    return Change(f"language of the text search of tenant {tenant_id}", action, str(language))


def languages(connection: Connection) -> list[str]:
    """Those in which some tenant's calls are searched."""
    return [row["language"] for row in rows(connection, FILE, "languages")]


def rules(connection: Connection, tenant_id: str | None = None) -> list[Row]:
    """All of them, or a tenant's: tenant_id, kind, value, read_as, success_from."""
    return rows(connection, FILE, "rules", tenant_id=tenant_id)
