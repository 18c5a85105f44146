"""The deployed stack from outside: HTTP, the bucket, and what goes wrong."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from decimal import Decimal
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from fpdf import FPDF
from pinecone import Pinecone

from benchmarks import crowd
from local.stack.places import ROOT
from tests.local.conftest import Caller
from tests.scans import drawn, scan
from tests.traces import traces

SAMPLES = ROOT / "local/samples"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text())
PROBLEM = {"type", "title", "status", "detail", "request_id"}

Client = Callable[[str], Any]


@pytest.fixture(scope="module", autouse=True)
def poison(client: Client, outputs: dict[str, str]) -> str:
    """A message of nobody's, in the queue of the stage chunk; it needs a while to end where it must."""
    [queue] = [url for url in client("sqs").list_queues()["QueueUrls"] if "-ChunkQueue-" in url]
    client("sqs").send_message(QueueUrl=queue, MessageBody="this is not a message")
    return outputs["ChunkDeadLetters"]


@pytest.fixture(scope="module")
def library(stack: dict[str, Any], client: Client, outputs: dict[str, str], session: Any) -> Caller:
    """A tenant with the samples ingested."""
    from local.stack.deploy import create_key

    tenant = f"t{uuid4().hex[:12]}"
    made = create_key(session, outputs, tenant, ["ask", "ingest"], stack["aws_endpoint_url"])
    caller = Caller(stack, tenant, made["key"])
    files = {question["filename"] for question in QUESTIONS} - {None}
    for name in files:
        drop(client, caller, name, (SAMPLES / name).read_bytes())
    for name in files:
        assert caller.await_final(name)["status"] == "ready"
    return caller


def drop(client: Client, caller: Caller, name: str, data: bytes) -> None:
    key = f"uploads/{caller.tenant}/default/{name}"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=data)


def submit(upload: dict[str, Any], data: bytes) -> int:
    """Send an upload's form; the status the bucket answers."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in upload["fields"].items()
    ]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode() + data)
    body = b"".join(parts) + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(upload["url"], body, headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_health_is_open(stack: dict[str, Any]) -> None:
    status, body, _ = Caller(stack, "", "").send("GET", "/health", Authorization="")
    assert (status, body["status"]) == (200, "ok")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer qk_wrong", "Basic YTpi"])
def test_a_missing_or_wrong_key_is_401(stack: dict[str, Any], authorization: str) -> None:
    status, body, headers = Caller(stack, "", "").send("GET", "/documents", Authorization=authorization)
    assert (status, set(body)) == (401, PROBLEM | {"error"})  # which is where clients of OpenAI look
    assert headers["Content-Type"] == "application/problem+json"


def test_a_key_without_the_scope_is_403(new_caller: Callable[..., Caller]) -> None:
    status, body, headers = new_caller(scopes=("ask",)).send("GET", "/documents")
    assert (status, set(body)) == (403, PROBLEM)
    assert headers["Content-Type"] == "application/problem+json"


def test_a_route_that_is_not_there_is_404(caller: Caller) -> None:
    status, body, _ = caller.send("GET", "/nowhere")
    assert (status, set(body)) == (404, PROBLEM)


def test_an_unknown_field_is_422_and_named(caller: Caller) -> None:
    status, body, _ = caller.send("POST", "/ask", {"question": "x", "colection": "y"})
    assert status == 422
    assert body["errors"][0]["field"] == "body.colection"


def test_a_body_over_the_limit_is_413(caller: Caller) -> None:
    status, body, _ = caller.send("POST", "/ask", {"question": "x" * 70_000})
    assert (status, set(body)) == (413, PROBLEM)


def test_a_revoked_key_is_refused(caller: Caller, client: Client, outputs: dict[str, str]) -> None:
    command = {"action": "revoke", "key_id": caller.key.split("_")[1]}
    client("lambda").invoke(FunctionName=outputs["KeysFunction"], Payload=json.dumps(command).encode())
    assert caller.send("GET", "/documents")[0] == 401


@pytest.mark.parametrize("question", [q for q in QUESTIONS if q["filename"]], ids=lambda q: q["question"])
def test_a_sample_question_is_answered_from_its_page(library: Caller, question: dict[str, Any]) -> None:
    answer = library.ok("POST", "/ask", {"question": question["question"]})
    assert answer["supported"]
    cited = [(citation["filename"], citation["page"]) for citation in answer["citations"]]
    assert (question["filename"], question["page"]) in cited
    quotes = " ".join(" ".join(citation["quote"].split()) for citation in answer["citations"])
    assert question["contains"] in quotes


@pytest.mark.parametrize("question", [q["question"] for q in QUESTIONS if not q["filename"]])
def test_what_the_samples_do_not_say_is_refused(library: Caller, question: str) -> None:
    answer = library.ok("POST", "/ask", {"question": question})
    assert (answer["supported"], answer["citations"]) == (False, [])


def test_another_tenant_reaches_nothing(library: Caller, caller: Caller) -> None:
    document = library.ok("GET", "/documents")["items"][0]
    assert caller.send("GET", f"/documents/{document['document_id']}")[0] == 404
    assert caller.ok("POST", "/search", {"query": "battery"})["hits"] == []
    narrowed = {"query": "battery", "filter": {"document_id": document["document_id"]}}
    assert caller.ok("POST", "/search", narrowed)["hits"] == []


def test_an_announced_upload_is_ingested_and_takes_nothing_else(caller: Caller) -> None:
    data = b"# Club rules\n\nThe password of the club is swordfish.\n"
    request = {"filename": "rules.md", "size": len(data), "content_type": "text/markdown"}
    made = caller.ok("POST", "/documents", request)
    assert caller.ok("GET", f"/documents/{made['document_id']}")["status"] == "waiting"
    assert submit(made["upload"], data + b"more than was announced") >= 400
    moved = {**made["upload"], "fields": {**made["upload"]["fields"], "key": "uploads/other/default/rules.md"}}
    assert submit(moved, data) >= 400
    assert submit(made["upload"], data) in (200, 201, 204)
    document = caller.await_final("rules.md")
    assert (document["status"], document["document_id"]) == ("ready", made["document_id"])
    answer = caller.ok("POST", "/ask", {"question": "What is the password of the club?"})
    [citation] = answer["citations"]
    assert (citation["page"], citation["quote"]) == (None, "The password of the club is swordfish.")


def test_the_same_bytes_again_cost_nothing(caller: Caller, client: Client) -> None:
    data = b"The number of the house is twelve, and has always been."
    drop(client, caller, "house.txt", data)
    first = caller.await_final("house.txt")
    before = spent(caller)
    drop(client, caller, "house.txt", data)
    drop(client, caller, "copy.txt", data)
    copy = caller.await_final("copy.txt")
    assert (copy["receipt"]["cost_usd"], copy["receipt"]["saved_usd"]) == ("0", first["receipt"]["cost_usd"])
    assert caller.await_final("house.txt") == first
    assert spent(caller) == before == Decimal(first["receipt"]["cost_usd"])


def spent(caller: Caller) -> Decimal:
    """What a tenant has spent today; nothing must be left reserved."""
    [day] = caller.ok("GET", "/costs")["items"]
    assert day["reserved_usd"] == "0"
    return Decimal(day["spent_usd"])


def test_a_new_version_is_what_is_found(caller: Caller, client: Client) -> None:
    for version, number in ((1, "seven"), (2, "eight")):
        drop(client, caller, "notes.txt", f"The lucky number of the season is {number}.".encode())
        caller.await_final("notes.txt", version=version)
    hits = caller.ok("POST", "/search", {"query": "lucky number"})["hits"]
    assert [hit["text"] for hit in hits] == ["The lucky number of the season is eight."]


def encrypted() -> bytes:
    document = FPDF()
    document.set_encryption(owner_password="owner", user_password="user")
    document.add_page()
    document.set_font("helvetica", size=12)
    document.cell(text="nobody may read this")
    return bytes(document.output())


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("secret.pdf", encrypted(), "encrypted"),
        ("empty.pdf", b"", "empty"),
        ("damaged.pdf", b"%PDF-1.7\nnothing of a PDF follows", "damaged"),
        ("photo.jpg", b"\xff\xd8\xff\xe0 not for us", "JPEG"),
    ],
)
def test_a_file_that_cannot_be_read_fails_once_with_a_reason(
    caller: Caller, client: Client, name: str, data: bytes, reason: str
) -> None:
    drop(client, caller, name, data)
    document = caller.await_final(name)
    assert document["status"] == "failed"
    assert reason in document["error"]


def test_a_scan_is_read_and_cited_by_its_page(caller: Caller, client: Client) -> None:
    drop(client, caller, "scan.pdf", scan([drawn("The first number is four."), drawn("The second is nine.", turn=180)]))
    document = caller.await_final("scan.pdf")
    assert (document["status"], document["pages"]) == ("ready", {"total": 2, "extracted": 2, "ocr": 2})
    answer = caller.ok("POST", "/ask", {"question": "What is the first number?"})
    assert [(citation["page"], citation["quote"]) for citation in answer["citations"]] == [
        (1, "The first number is four.")
    ]


def test_a_mails_attachment_becomes_a_document_of_its_own(caller: Caller, client: Client) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@example.com", "The number"
    message.set_content("It is in the file.")
    message.add_attachment(b"The house is number seven.", maintype="text", subtype="plain", filename="number.txt")
    drop(client, caller, "mail.eml", bytes(message))
    assert caller.await_final("mail.eml")["status"] == "ready"
    assert caller.await_final("mail.eml/number.txt")["status"] == "ready"


def test_a_file_without_a_collection_is_refused_with_a_reason(caller: Caller, client: Client) -> None:
    key = f"uploads/{caller.tenant}/lost.txt"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=b"x")
    assert "uploads/<tenant>/<collection>/<name>" in caller.await_final(key)["error"]


def test_an_admin_closes_and_opens_the_days_budget(new_caller: Callable[..., Caller]) -> None:
    caller = new_caller(("ask", "ingest", "admin"))
    caller.ok("PUT", "/budgets/day", {"limit_usd": "0"})
    assert {line["scope"]: line["limit_usd"] for line in caller.ok("GET", "/budgets")["items"]}["day"] == "0"
    status, problem, _ = caller.send("POST", "/search", {"query": "anything"})
    assert (status, problem["scope"], problem["limit_usd"]) == (402, "day", "0")
    caller.ok("PUT", "/budgets/day", {"limit_usd": None})
    time.sleep(5)  # until the limit is known everywhere
    assert caller.ok("POST", "/search", {"query": "anything"})["hits"] == []


def await_erased(caller: Caller, document_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        document = caller.ok("GET", f"/documents/{document_id}")
        if document["erased"]:
            return document
        time.sleep(0.3)
    raise AssertionError(f"not erased: {document}")


@pytest.fixture
def index(client: Client, outputs: dict[str, str]) -> Iterator[Any]:
    """The vector store, as the functions are told of it."""
    function = client("lambda").get_function_configuration(FunctionName=outputs["KeysFunction"])
    with Pinecone(api_key="offline").index(
        host=function["Environment"]["Variables"]["PINECONE_INDEX_HOST"]
    ) as connected:
        yield connected


@pytest.mark.parametrize("by", ["api", "bucket"])
def test_not_a_word_of_a_deleted_document_is_left_anywhere(caller: Caller, client: Client, index: Any, by: str) -> None:
    word = f"zephyr{uuid4().hex[:8]}"
    known = {"s3": client("s3"), "bucket": caller.stack["bucket"], "dynamodb": client("dynamodb"), "index": index}
    drop(client, caller, "secret.txt", f"The secret word of the vault is {word}.".encode())
    document_id = caller.await_final("secret.txt")["document_id"]
    assert word in caller.ok("POST", "/ask", {"question": "What is the secret word of the vault?"})["answer"]
    assert len(traces(word, caller.tenant, **known)) >= 5
    if by == "api":
        assert caller.ok("DELETE", f"/documents/{document_id}")["status"] == "deleted"
    else:
        client("s3").delete_object(Bucket=caller.stack["bucket"], Key=f"uploads/{caller.tenant}/default/secret.txt")
    erased = await_erased(caller, document_id)["erased"]
    none = {"attachments": 0, "conversations": 0}
    assert erased == {"vectors": 1, "objects": 4, "results": 2, "answers": 1, "cached": 1, **none}
    assert traces(word, caller.tenant, **known) == []
    again = caller.ok("POST", "/ask", {"question": "What is the secret word of the vault?"})
    assert (again["supported"], word in str(again)) == (False, False)
    for top in ("work", "results", "uploads"):
        prefix = f"{top}/{caller.tenant}/"
        assert "Contents" not in client("s3").list_objects_v2(Bucket=caller.stack["bucket"], Prefix=prefix)


def test_a_deleted_mail_takes_its_attachments_along(caller: Caller, client: Client) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@example.com", "The number"
    message.set_content("It is in the file.")
    message.add_attachment(b"The house is number seven.", maintype="text", subtype="plain", filename="number.txt")
    drop(client, caller, "mail.eml", bytes(message))
    mail, file = caller.await_final("mail.eml"), caller.await_final("mail.eml/number.txt")
    caller.ok("DELETE", f"/documents/{mail['document_id']}")
    assert await_erased(caller, mail["document_id"])["erased"]["attachments"] == 1
    assert await_erased(caller, file["document_id"])["status"] == "deleted"
    assert caller.ok("POST", "/search", {"query": "number of the house"})["hits"] == []


def test_a_result_that_is_gone_is_made_again(caller: Caller, client: Client) -> None:
    """A second version keeps vectors whose object somebody has deleted after the version was split."""
    chapters = [f"# Chapter {number}\n\n{f'This is sentence {number} of the book. ' * 60}\n\n" for number in range(3)]
    drop(client, caller, "book.md", "".join(chapters).encode())
    caller.await_final("book.md")
    bucket, prefix = caller.stack["bucket"], f"results/{caller.tenant}/"
    for item in client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        client("s3").delete_object(Bucket=bucket, Key=item["Key"])
    drop(client, caller, "copy.md", "".join(chapters).encode())
    copy = caller.await_final("copy.md")
    assert (copy["status"], copy["receipt"]["calls"]) == ("ready", 2)


def test_a_new_version_embeds_what_has_changed_and_a_retry_of_it_nothing(caller: Caller, client: Client) -> None:
    chapters = [f"# Chapter {number}\n\n{f'This is sentence {number} of the book. ' * 60}\n\n" for number in range(6)]
    drop(client, caller, "book.md", "".join(chapters).encode())
    first = caller.await_final("book.md")
    chapters[3] = "# Chapter 3\n\n" + "Something else stands here now. " * 60 + "\n\n"
    drop(client, caller, "book.md", "".join(chapters).encode())
    second = caller.await_final("book.md", version=2)
    assert second["chunks"]["reused"] >= 4
    assert 1 <= second["chunks"]["embedded"] < first["chunks"]["embedded"]
    assert caller.ok("POST", f"/documents/{first['document_id']}/retry")["status"] == "ready"


@pytest.fixture
def announced(client: Client, outputs: dict[str, str]) -> Iterator[str]:
    """The URL of a queue that gets what is published about budgets."""
    name = f"announced-{uuid4().hex[:8]}"
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"Name": name, "EventBusName": outputs["EventBus"]}
    client("events").put_rule(**rule, EventPattern=json.dumps({"detail-type": ["BudgetExceeded"]}))
    client("events").put_targets(Rule=name, EventBusName=outputs["EventBus"], Targets=[{"Id": "q", "Arn": arn}])
    yield url
    client("events").remove_targets(Rule=name, EventBusName=outputs["EventBus"], Ids=["q"])
    client("events").delete_rule(**rule)
    client("sqs").delete_queue(QueueUrl=url)


def test_a_used_up_budget_is_announced_once(new_caller: Callable[..., Caller], client: Client, announced: str) -> None:
    caller = new_caller(("ask", "admin"))
    caller.ok("PUT", "/budgets/day", {"limit_usd": "0"})
    for number in range(3):
        assert caller.send("POST", "/search", {"query": f"anything {number}"})[0] == 402
    answers = [client("sqs").receive_message(QueueUrl=announced, WaitTimeSeconds=3) for _ in range(2)]
    events = [json.loads(message["Body"]) for answer in answers for message in answer.get("Messages", [])]
    mine = [event["detail"]["data"] for event in events if event["detail"]["tenant"] == caller.tenant]
    assert [(data["scope"], data["limit_usd"]) for data in mine] == [("day", "0")]


def test_a_hundred_callers_never_spend_over_a_small_cap(stack: dict[str, Any]) -> None:
    tenant = f"t{uuid4().hex[:12]}"
    ledger = crowd.ledger_of(stack)
    seen = crowd.run(ledger, tenant, callers=100, seed=3)
    assert (seen.overshoot, seen.false_refusals) == (0, 0)
    assert crowd.CAP - crowd.CEILING < seen.billed == crowd.spent(ledger, tenant)
    assert crowd.left_reserved(ledger, tenant) == 0


def test_a_functions_role_reaches_its_own_things_only(client: Client, session: Any, stack: dict[str, Any]) -> None:
    roles = {role["RoleName"]: role["Arn"] for role in client("iam").list_roles()["Roles"]}
    [arn] = [arn for name, arn in roles.items() if "SystemAuthorizeFunctionRole" in name]
    given = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    s3 = session.client(
        "s3",
        endpoint_url=stack["aws_endpoint_url"],
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=stack["bucket"])


def test_a_poisoned_message_ends_in_the_dead_letter_queue(client: Client, poison: str) -> None:
    answer = client("sqs").receive_message(QueueUrl=poison, WaitTimeSeconds=20)
    for _ in range(5):
        if "Messages" in answer:
            break
        answer = client("sqs").receive_message(QueueUrl=poison, WaitTimeSeconds=20)
    assert [message["Body"] for message in answer["Messages"]] == ["this is not a message"]
