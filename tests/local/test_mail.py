"""Mail on the deployed stack: what SES would put in the bucket becomes a case with one draft."""

from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from tests.integration.mailbox import mail
from tests.local.conftest import Caller
from tests.local.test_react import eventually

SEVEN = "The number of the club is seven. [1]"


@pytest.fixture
def desk(new_caller: Callable[..., Caller], client: Callable[[str], Any]) -> Caller:
    """A tenant with a document that answers the mails."""
    caller = new_caller(("ask", "ingest", "react"))
    key = f"uploads/{caller.tenant}/default/club.md"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=b"The number of the club is seven.")
    caller.await_final("club.md")
    return caller


@pytest.fixture
def drop(desk: Caller, client: Callable[[str], Any]) -> Callable[..., None]:
    def put(data: bytes | EmailMessage, name: str = "1") -> None:
        body = data if isinstance(data, bytes) else bytes(data)
        client("s3").put_object(Bucket=desk.stack["bucket"], Key=f"mail/{desk.tenant}/{name}", Body=body)

    return put


def ended(desk: Caller, number: int = 1) -> list[dict[str, Any]]:
    """The tenant's mails, once so many of them have ended."""

    def find() -> Any:
        found = desk.ok("GET", "/emails")["items"]
        return found if len(found) >= number and all(each["status"] != "received" for each in found) else None

    mails: list[dict[str, Any]] = eventually(find)
    return mails


def test_a_mail_gets_a_draft_and_its_attachment_becomes_a_document(desk: Caller, drop: Callable[..., None]) -> None:
    message = mail()
    message.add_attachment(b"The lamp is blue.", maintype="text", subtype="plain", filename="lamp.txt")
    drop(message)
    [found] = ended(desk)
    assert (found["status"], found["draft"]["text"], found["no_draft"]) == ("triaged", SEVEN, None)
    [file] = found["attachments"]
    document = desk.await_final(f"{found['email_id']}/lamp.txt")
    assert (document["document_id"], document["status"]) == (file["document_id"], "ready")
    whole = desk.ok("GET", f"/emails/{found['email_id']}")
    assert (whole["text"], whole["signature"]) == (
        "Hello,\n\nwhat is the number of the club?",
        "Kind regards,\nAnn Example",
    )


def test_a_storm_of_the_same_and_of_broken_mails_is_one_case_each(desk: Caller, drop: Callable[..., None]) -> None:
    for number in range(4):
        drop(mail(Received=f"by relay {number}"), f"same-{number}")
        drop(b"\x00\x01 nothing like a mail", f"broken-{number}")
    drop(mail(Auto_Submitted="auto-replied", Message_ID="<2@example.com>"), "automatic")
    found = ended(desk, 3)
    assert sorted(each["status"] for each in found) == ["failed", "triaged", "triaged"]
    drafts = [each["draft"]["text"] for each in found if each["draft"]]
    assert drafts == [SEVEN]
    assert {each["no_draft"] for each in found} == {None, "It was sent automatically (Auto-Submitted)."}
    assert sum(each["receipt"]["calls"] > 0 for each in found) == 1, "the same words are paid for once"
