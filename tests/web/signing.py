"""Signing in as a browser does."""

import re

import httpx
import pyotp

from warehouse import clock

PASSWORD = "a long and boring password"


def form_token(page: str) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="form_token" value="(\w+)"', page)
    assert found, page
    return found[1]


def give_password(client: httpx.Client, login: str, password: str = PASSWORD) -> httpx.Response:
    """Ask for the form of the sign-in, fill it in and send it."""
    return sent(client, client.get("/sign-in"), login, password)


def sent(client: httpx.Client, page: httpx.Response, login: str, password: str = PASSWORD) -> httpx.Response:
    """Fill in and send the form of a sign-in that was asked for."""
    form = {"login": login, "password": password, "form_token": form_token(page.text)}
    return client.post("/sign-in", data=form)


def give_code(client: httpx.Client, code: str) -> httpx.Response:
    """Fill in and send the form of the second factor."""
    form = {"code": code, "form_token": form_token(client.get("/second-factor").text)}
    return client.post("/second-factor", data=form)


def proposed(client: httpx.Client) -> pyotp.TOTP:
    """An authenticator with the secret that is offered after the first sign-in."""
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", client.get("/second-factor").text)
    assert secret
    return pyotp.TOTP(secret[1])


def recovery_codes(answer: httpx.Response) -> list[str]:
    """The codes on the page that confirms a second factor."""
    assert answer.status_code == 200, answer.text
    return re.findall(r"<code>([0-9a-f]{5}-[0-9a-f]{5})</code>", answer.text)


def set_up(client: httpx.Client) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor after the first sign-in: the authenticator, and the recovery codes."""
    authenticator = proposed(client)
    return authenticator, recovery_codes(give_code(client, authenticator.at(clock.now())))


def sign_in(client: httpx.Client, login: str) -> httpx.Response:
    """Sign in for the first time, with all that this asks for."""
    answer = give_password(client, login)
    if client.get("/").headers.get("location") == "/second-factor":
        set_up(client)
    return answer
