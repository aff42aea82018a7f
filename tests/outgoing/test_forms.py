"""How an alert is shown: by Slack, by Teams, and as mail; with the same order and retries as any event."""

import json
from typing import Any

import pytest

from orchestration.outgoing.delivering import Sending, deliver
from orchestration.outgoing.forms import ALERTS
from tests.outgoing.conftest import LOOPBACK, Outbox
from tests.outgoing.receiver import Receiver, receiving
from tests.sandbox.mail import posting
from warehouse.outgoing import deliveries, endpoints
from warehouse.outgoing import outbox as door

ALERT = {
    "alert_id": "7", "rule": "days_behind", "subject": "vapi", "level": 2, "page": "/days/acme/2026-01-19",
    "title": "2 days of vapi of acme failed: <!channel> & *no* [key](http://evil.example)",
    "fix": "minutebook pull --tenant acme --source vapi --from 2026-01-18 --to 2026-01-19",
}  # fmt: skip
PAGES = "https://minutebook.example.com"
LINK = f"{PAGES}/days/acme/2026-01-19"


def listen(outbox: Outbox, to: str, form: str) -> None:
    endpoints.create(outbox.vault, outbox.connection, to, ALERTS, outbox.now(), form=form)
    outbox.connection.commit()


def tell(outbox: Outbox, event_type: str = "alert.opened") -> None:
    door.tell(outbox.connection, event_type, "acme", "alert/7", ALERT)
    outbox.connection.commit()


def sent(outbox: Outbox, **more: Any) -> tuple[int, int, int]:
    """One pass: delivered, to be tried again, given up."""
    done = deliver(outbox.url, Sending(outbox.vault, PAGES, LOOPBACK, **more), outbox.now, seconds=60)
    return done.delivered, done.failed, done.dead


@pytest.fixture
def receiver() -> Any:
    """A receiver that takes what has no webhook-id, and verifies nothing."""
    with receiving() as made:
        bodies: list[dict[str, Any]] = []

        def take(headers: dict[str, str], body: bytes) -> int:
            assert headers["content-type"] == "application/json"
            assert "webhook-signature" not in headers
            bodies.append(json.loads(body))
            return 200

        made.take = take  # type: ignore[method-assign]
        yield made, bodies


def test_slack_is_told_in_its_own_shape_and_nothing_in_a_title_is_a_command(
    outbox: Outbox, receiver: tuple[Receiver, list[dict[str, Any]]]
) -> None:
    served, bodies = receiver
    listen(outbox, served.address, "slack")
    tell(outbox)
    tell(outbox, "alert.resolved")
    assert sent(outbox) == (2, 0, 0)
    opened, resolved = bodies
    assert opened["text"] == "2 days of vapi of acme failed: &lt;!channel&gt; &amp; *no* [key](http://evil.example)"
    section, context = opened["blocks"]
    assert section["text"]["type"] == "mrkdwn"
    assert f"```{ALERT['fix']}```" in section["text"]["text"]
    assert f"See {LINK}" in section["text"]["text"]
    assert context["elements"][0]["text"].startswith("Since ")
    assert resolved["text"].startswith("Over: 2 days of vapi of acme failed")
    assert str(ALERT["fix"]) not in json.dumps(resolved)


def test_teams_is_told_by_a_card_whose_text_is_no_markdown(
    outbox: Outbox, receiver: tuple[Receiver, list[dict[str, Any]]]
) -> None:
    served, bodies = receiver
    listen(outbox, served.address, "teams")
    tell(outbox)
    assert sent(outbox) == (1, 0, 0)
    (message,) = bodies
    (attachment,) = message["attachments"]
    card = attachment["content"]
    assert (message["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    texts = [run["text"] for block in card["body"] for run in block["inlines"]]
    assert texts[:2] == [ALERT["title"], ALERT["fix"]]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open the page", "url": LINK}]


def test_mail_says_what_is_wrong_what_resolves_it_and_where(outbox: Outbox) -> None:
    with posting() as post:
        listen(outbox, "ops@example.com", "mail")
        tell(outbox)
        tell(outbox, "alert.resolved")
        assert sent(outbox, mailer=post.mailer) == (2, 0, 0)
        opened, over = post.taken
        assert opened["To"] == "ops@example.com"
        assert opened["Subject"].startswith("2 days of vapi of acme failed")
        assert opened["Message-ID"].startswith("<evt_")
        for part in (ALERT["title"], ALERT["fix"], LINK):
            assert str(part) in opened.get_content().replace("\r\n", "\n")
        assert over["Subject"].startswith("Over: 2 days of vapi")
        assert str(ALERT["fix"]) not in over.get_content()


def test_mail_that_cannot_be_sent_is_tried_again_and_a_refused_address_is_given_up_by_itself(outbox: Outbox) -> None:
    with posting() as post:
        listen(outbox, "ops@example.com", "mail")
        tell(outbox)
        assert sent(outbox) == (0, 1, 0)
        (waiting,) = deliveries.listed(outbox.connection, ("waiting",))
        assert waiting["fault"] == "MINUTEBOOK_SMTP_URL is not set"
        outbox.later += 2 * deliveries.LONGEST_HOLD
        post.refuses["ops@example.com"] = "550 5.1.1 no such person"
        assert sent(outbox, mailer=post.mailer) == (0, 1, 0)
        outbox.connection.rollback()
        (waiting,) = deliveries.listed(outbox.connection, ("waiting",))
        assert "550 5.1.1 no such person" in waiting["fault"]
        post.refuses.clear()
        outbox.later += deliveries.LONGEST
        assert sent(outbox, mailer=post.mailer) == (1, 0, 0)


def test_only_alerts_have_a_form_of_their_own(outbox: Outbox) -> None:
    with pytest.raises(Exception, match="endpoints_check"):
        endpoints.create(
            outbox.vault, outbox.connection, "https://hooks.example.com", ["call.completed"], outbox.now(), form="slack"
        )
