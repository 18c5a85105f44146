"""The built-in tools over documents, memories, results and the bus."""

import json
import time
from decimal import Decimal
from typing import Any

import boto3
import pytest
import time_machine
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from quadrille import clients
from quadrille.act.results import result_key
from quadrille.act.tooling import Observation, Use, built_in
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.documents import Place
from quadrille.errors import Busy, Invalid, NotFound
from quadrille.events import Envelope
from quadrille.mail import Mail
from quadrille.outbox import Outbox
from tests.integration.house import House

LETTERS = "abcdefghij" * 10


@pytest.fixture
def use(house: House, tenant: str) -> Use:
    return of(tenant)


def of(tenant: str, task_id: str = "task_1", collection: str = "default") -> Use:
    soon = time.time() + 20
    payer = Payer(tenant=tenant, subject=f"tasks/{task_id}", deadline=soon, ends_at=soon, task=task_id)
    return Use(tenant, task_id, f"{task_id}/1/0", collection, payer)


def run(name: str, use: Use, /, **arguments: Any) -> Observation:
    tool = built_in()[name]
    return tool.run(tool.check(tool.parse(json.dumps(arguments))), use, clients.workbench())


def test_searching_gives_passages_and_the_versions_they_are_of(club: Place, use: Use):
    observed = run("search_documents", use, query="number of the club")
    [passage] = json.loads(observed.text)["passages"]
    assert passage["document_id"] == club.document_id
    assert "seven" in passage["text"]
    assert observed.sources == (f"{club.document_id}/1",)
    assert observed.spent.cost_usd > 0


def test_what_a_tool_pays_is_booked_for_the_task(club: Place, use: Use):
    spent = run("search_documents", use, query="number of the club").spent.cost_usd
    assert booked(use) == spent > 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("search_documents", {"query": "number of the club"}),
        ("remember", {"fact": "Ada is the owner."}),
        ("recall", {"query": "who is the owner?"}),
    ],
)
def test_a_call_that_is_made_again_is_paid_once(club: Place, use: Use, name: str, arguments: dict[str, Any]):
    first = run(name, use, **arguments)
    bill = booked(use)
    again, elsewhere = run(name, use, **arguments), run(name, of(use.tenant, "task_2"), **arguments)
    assert again == first
    assert booked(use) == bill == first.spent.cost_usd > 0
    assert (elsewhere.spent.cost_usd, elsewhere.spent.saved_usd) == (0, bill)


def booked(use: Use) -> Decimal:
    return clients.costs().receipts(use.tenant, "task", [use.task_id])[use.task_id].cost_usd


def test_what_one_tenant_paid_another_pays_for_itself(use: Use):
    spent = [run("recall", each, query="owner").spent.cost_usd for each in (use, of("other"))]
    assert spent[0] == spent[1] > 0


def test_searching_can_be_narrowed_to_one_document(club: Place, use: Use):
    assert "seven" in run("search_documents", use, query="number", document_id=club.document_id).text
    assert run("search_documents", use, query="number", document_id="doc_other").text == "No passage was found."


def test_documents_are_listed_until_there_are_no_more(club: Place, use: Use):
    listed = json.loads(run("list_documents", use).text)
    expected = {"document_id": club.document_id, "filename": "club.md", "pages": 0, "has_summary": False}
    assert listed == {"documents": [expected], "more_after": None}
    assert json.loads(run("list_documents", use, after=club.document_id).text)["documents"] == []


def test_a_document_is_read_in_stretches(club: Place, use: Use):
    observed = run("read_document", use, document_id=club.document_id, from_character=4, characters=6)
    assert observed.text == "[Characters 4 to 10 of 53; go on with from_character 10]\nnumber"
    assert observed.sources == (f"{club.document_id}/1",)
    assert run("read_document", use, document_id=club.document_id, from_character=99).text.startswith("[Characters 53")


def test_a_document_has_a_summary_or_it_is_said_how_long_it_is(club: Place, use: Use):
    observed = run("summarize_document", use, document_id=club.document_id)
    assert observed.text == "There is no summary: the text has 53 characters. Read it with read_document."
    assert observed.sources == (f"{club.document_id}/1",)


@pytest.mark.parametrize("name", ["search_documents", "read_document", "list_documents", "summarize_document"])
@pytest.mark.parametrize("stranger", ["tenant", "collection"])
def test_nobody_sees_another_tenants_or_another_collections_documents(club: Place, name: str, stranger: str):
    use = of("other") if stranger == "tenant" else of(club.tenant, collection="secret")
    arguments = {"search_documents": {"query": "club"}, "read_document": {"document_id": club.document_id}}
    arguments["summarize_document"] = arguments["read_document"]
    try:
        text = run(name, use, **arguments.get(name, {})).text
    except NotFound as error:
        text = str(error)
    assert "seven" not in text
    assert "club.md" not in text


def test_a_large_result_is_read_in_stretches_by_its_own_task_alone(use: Use):
    whole = {"observation": LETTERS[:50], "left_out": "characters 50 to 100", "kind": "result"}
    clients.steps().end(use.tenant, use.task_id, 12, 0, whole)
    clients.blobs().put(result_key(use.tenant, use.task_id, "r12-0"), LETTERS.encode())
    assert run("read_result", use, result="r12-0", from_character=98).text.endswith("100 of 100]\nij")
    for stranger in (of(use.tenant, "task_2"), of("other")):
        with pytest.raises(NotFound, match="no result 'r12-0' of this task"):
            run("read_result", stranger, result="r12-0")


@pytest.mark.parametrize(
    "result", ["../task_2/r1-0", "r1", "r1-0\n", "", "r1-0/..", "r٣-0", "R1-0", "r1-0\x00", "../../other/task_1/r1-0"]
)
def test_a_result_is_named_by_its_id_and_not_by_a_path(use: Use, result: str):
    with pytest.raises(Invalid, match="result: "):
        run("read_result", use, result=result)


def test_what_is_remembered_is_recalled_in_another_task_of_the_tenant(use: Use):
    observed = run("remember", use, fact="The invoice of  Ada is paid in May.")
    assert observed.pinned == "The invoice of Ada is paid in May."
    found = json.loads(run("recall", of(use.tenant, "task_2"), query="invoice of Ada").text)["facts"]
    assert [fact["fact"] for fact in found] == [observed.pinned]
    assert run("recall", of("other"), query="invoice of Ada").text == "Nothing is noted."


def test_a_fact_that_is_noted_twice_is_kept_and_paid_once(use: Use):
    later = of(use.tenant, "task_2")
    first, again = (run("remember", each, fact="Ada is the owner.").spent for each in (use, later))
    assert (again.cost_usd, again.saved_usd) == (0, first.cost_usd)
    assert len(json.loads(run("recall", use, query="owner").text)["facts"]) == 1


def test_an_event_of_an_agent_never_looks_like_one_of_ours(use: Use, monkeypatch: pytest.MonkeyPatch):
    envelopes = published(monkeypatch)
    run("publish_event", use, name="DocumentIndexed", data={"tenant": "other", "source": "quadrille"})
    [envelope] = envelopes
    assert (envelope.type, envelope.source, envelope.tenant) == ("AgentEvent", "quadrille", use.tenant)
    assert envelope.data == {
        "task_id": use.task_id,
        "name": "DocumentIndexed",
        "data": {"tenant": "other", "source": "quadrille"},
    }


def published(monkeypatch: pytest.MonkeyPatch) -> list[Envelope]:
    envelopes: list[Envelope] = []
    put = Outbox.put
    monkeypatch.setattr(Outbox, "put", lambda self, envelope: (envelopes.append(envelope), put(self, envelope))[1])
    return envelopes


@pytest.fixture
def post(use: Use, monkeypatch: pytest.MonkeyPatch) -> Any:
    """SES, which knows the sender."""
    monkeypatch.setenv("EMAIL_SENDER", "agent@example.com")
    settings.cache_clear()
    boto3.client("sesv2").create_email_identity(EmailIdentity="agent@example.com")
    yield ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    settings.cache_clear()


def test_a_mail_is_sent_as_it_is_written(use: Use, post: Any):
    run("send_email", use, to="ada@example.com", subject="Größe: 5 <b>", body="One\nTwo: x@example.com\n.\nThree")
    [mail] = post.sent_messages
    assert (mail.source, mail.destinations) == ("agent@example.com", {"ToAddresses": ["ada@example.com"]})
    assert (mail.subject, mail.body) == ("Größe: 5 <b>", "One\nTwo: x@example.com\n.\nThree")


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "ada@example.com, eve@example.com"},
        {"to": "ada@example.com\nBcc: eve@example.com"},
        {"to": "ada@example.com\n"},
        {"to": "Ada <ada@example.com>"},
        {"to": '"a b"@example.com'},
        {"to": "ada@exämple.com"},
        {"to": "ada@[127.0.0.1]"},
        {"to": "ada@localhost"},
        {"to": "ada@example.com;eve@example.com"},
        {"to": "ada@" + "a." * 200 + "com"},
        {"to": ["ada@example.com"]},
        {"subject": "Hi\r\nBcc: eve@example.com"},
        {"subject": "Hi\nBcc: eve@example.com"},
        {"subject": "Hi\u2028Bcc: eve@example.com"},
        {"subject": "Hi\u202eada"},
        {"subject": "Hi\x00"},
        {"subject": ""},
        {"body": "\u202eHi"},
        {"body": "Hi\x1b[2J"},
        {"body": "x" * 20_001},
        {"from": "eve@example.com"},
        {"bcc": "eve@example.com"},
    ],
)
def test_a_mail_cannot_be_made_another(use: Use, post: Any, changes: dict[str, Any]):
    with pytest.raises(Invalid, match=f"{next(iter(changes))}: "):
        run("send_email", use, **{"to": "ada@example.com", "subject": "Hi", "body": "Hi"} | changes)
    assert post.sent_messages == []


def test_a_mail_that_ses_refuses_is_told_with_its_reason(use: Use, post: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EMAIL_SENDER", "stranger@example.org")
    settings.cache_clear()
    clients.mail.cache_clear()
    with pytest.raises(Invalid, match="email: was not sent: "):
        run("send_email", use, to="ada@example.com", subject="Hi", body="Hi")


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [("TooManyRequestsException", 429, Busy), ("InternalFailure", 500, Invalid), ("MessageRejected", 400, Invalid)],
)
def test_a_mail_that_may_be_on_its_way_is_not_sent_again(code: str, status: int, kind: type[Exception]):
    about = {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": {"HTTPStatusCode": status}}

    class Ses:
        def send_email(self, **_: Any) -> None:
            raise ClientError(about, "SendEmail")  # type: ignore[arg-type]

    with pytest.raises(kind) as caught:
        Mail("agent@example.com", Ses()).send(to="ada@example.com", subject="Hi", body="Hi")  # type: ignore[arg-type]
    assert ("may have been sent" in str(caught.value)) == (status == 500)


@time_machine.travel("2026-11-23T12:00:00Z", tick=False)
def test_the_time_is_told_where_it_is_wanted(use: Use):
    assert run("current_time", use).text == "2026-11-23T12:00:00+00:00 (Monday)"
    assert run("current_time", use, time_zone="Asia/Tokyo").text == "2026-11-23T21:00:00+09:00 (Monday)"


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/passwd", "\x00", "x" * 60, "Europe"])
def test_a_zone_that_does_not_exist_is_refused(use: Use, zone: str):
    with pytest.raises(Invalid, match="time_zone: "):
        run("current_time", use, time_zone=zone)
