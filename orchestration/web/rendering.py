"""Templates to answers."""

from pathlib import Path

from starlette.responses import HTMLResponse

from orchestration.reports.templating import environment

_TEMPLATES = environment(Path(__file__).parent / "templates")
_TEMPLATES.globals.update(visitor=None, section="")


def render(template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """A page; `visitor` among the values draws the navigation for that person."""
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values), status)
