"""Mails for tests, and what drops them in the bucket as SES would."""

import json
from email.message import EmailMessage
from typing import Any

from tests.integration import house as harness
from tests.integration.house import sqs_event
from tests.integration.reactor import Reactor

QUESTION = "Hello,\n\nwhat is the number of the club?\n\nKind regards,\nAnn Example\n"


def mail(text: str = QUESTION, **headers: str) -> EmailMessage:
    """A mail as a customer writes it."""
    message = EmailMessage()
    given = {
        "From": "Ann Example <ann@example.com>",
        "To": "desk@acme.test",
        "Subject": "The club",
        "Date": "Mon, 23 Nov 2026 09:00:00 +0000",
        "Message-ID": "<1@example.com>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        message[name] = value
    message.set_content(text)
    return message


def drop(reactor: Reactor, data: bytes | EmailMessage, *, name: str = "1", tenant: str = "") -> dict[str, Any]:
    """Put a mail into the bucket, and give the message its event becomes."""
    data = data if isinstance(data, bytes) else bytes(data)
    key = f"mail/{tenant or reactor.agent.tenant}/{name}"
    etag = reactor.house.s3.put_object(Bucket="bucket", Key=key, Body=data)["ETag"].strip('"')
    event = {"detail-type": "Object Created", "detail": {"object": {"key": key, "size": len(data), "etag": etag}}}
    return {"MessageId": name, "ReceiptHandle": "x", "Body": json.dumps(event), "Attributes": {}}


def deliver(reactor: Reactor, *messages: dict[str, Any]) -> list[Any]:
    """Let them be received; the messages that failed."""
    reactor.monkeypatch.setenv("QUEUE_URL", reactor.urls["triage"])
    harness.reset_caches()
    failed: list[Any] = harness.invoke("react/receive_mail", sqs_event(*messages, receives=1))["batchItemFailures"]
    return failed


def send(reactor: Reactor, data: bytes | EmailMessage, *, name: str = "1") -> None:
    """Drop a mail, and let happen what happens."""
    assert deliver(reactor, drop(reactor, data, name=name)) == []
    reactor.settle()


def mails(reactor: Reactor, **query: str) -> list[dict[str, Any]]:
    """The tenant's mails, newest first."""
    found: list[dict[str, Any]] = reactor.call("emails", "GET", "/emails", query=query or None)[1]["items"]
    return found


def the_mail(reactor: Reactor) -> dict[str, Any]:
    """The only mail, whole."""
    [found] = mails(reactor)
    whole: dict[str, Any] = reactor.call("emails", "GET", f"/emails/{found['email_id']}")[1]
    return whole
