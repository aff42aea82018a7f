"""The page on growth has the figures that today's constants give."""

from tests.benchmarks.scaling import PAGE, page


def test_the_figures_of_the_page_are_those_that_are_computed() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.benchmarks.scaling`"
