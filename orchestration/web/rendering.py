"""Templates to answers."""

from pathlib import Path

from starlette.responses import HTMLResponse

from orchestration.remedies.steps import blanks_of, in_words, marked, roles_for
from orchestration.reports.templating import environment

TEMPLATES = environment(Path(__file__).parent / "templates")
TEMPLATES.globals.update(visitor=None, brand=None, section="", under_way=None, SHOWN_STEPS=6)
TEMPLATES.filters.update(blanks=blanks_of, step_in_words=in_words, whose=roles_for, mark=marked)


def render(template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A page; `visitor` among the values draws the navigation for that person."""
    return HTMLResponse(TEMPLATES.get_template(template).render(**values), status)
