"""Signing in as a browser does."""

import re

import httpx

PASSWORD = "a long and boring password"


def form_token(page: str) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="form_token" value="(\w+)"', page)
    assert found, page
    return found[1]


def sign_in(client: httpx.Client, login: str) -> httpx.Response:
    """Fill in and send the form."""
    form = {"login": login, "password": PASSWORD, "form_token": form_token(client.get("/sign-in").text)}
    return client.post("/sign-in", data=form)
