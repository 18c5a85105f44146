"""Mail: what is dropped under mail/ becomes a case, is sorted once, and gets one draft or a reason why not."""

from typing import Any

import pytest

from quadrille.documents import Place
from tests.integration.mailbox import QUESTION, deliver, drop, mail, mails, send, the_mail
from tests.integration.reactor import Reactor

CLUB = b"The number of the club is seven. Its colour is green."


@pytest.fixture
def reactor(reactor: Reactor) -> Reactor:
    """One whose tenant has a document that answers the mails."""
    reactor.house.drop(Place(reactor.agent.tenant, "default", "club.md").key, CLUB)
    reactor.settle()
    reactor.seen.clear()
    return reactor


def test_a_mail_is_sorted_and_answered_by_a_draft_that_quotes_the_documents(reactor: Reactor) -> None:
    send(reactor, mail())
    found = the_mail(reactor)
    assert (found["status"], found["subject"], found["from"]) == (
        "triaged",
        "The club",
        "Ann Example <ann@example.com>",
    )
    assert found["text"] == "Hello,\n\nwhat is the number of the club?"
    assert found["signature"] == "Kind regards,\nAnn Example"
    assert (found["category"], found["priority"], found["language"]) == ("other", "normal", "en")
    assert found["draft"]["text"] == "The number of the club is seven. [1]"
    assert [citation["filename"] for citation in found["draft"]["citations"]] == ["club.md"]
    assert (found["no_draft"], found["error"]) == (None, None)
    assert float(found["receipt"]["cost_usd"]) > 0
    assert reactor.kinds() == ["EmailReceived", "EmailTriaged"]
    assert reactor.seen[1]["data"]["drafted"]


def test_what_is_there(reactor: Reactor) -> None:
    send(reactor, mail())
    print(the_mail(reactor))
