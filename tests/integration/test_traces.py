"""A deleted document is gone from everything the system keeps, whatever was going on while it was deleted."""

import time
from email.message import EmailMessage
from typing import Any

import pytest

from quadrille import clients
from quadrille.blobs import Blobs
from quadrille.documents import Place
from quadrille.llm import Models
from quadrille.vectors import Vectors, questions
from tests.integration.house import House, reset_caches
from tests.integration.kills import Executioner
from tests.integration.test_erase import delete
from tests.integration.test_pipeline import asked, found, shown
from tests.traces import traces

STAGES = ("extract", "chunk", "embed", "index")
WORD = "quokkafish"
TEXT = f"The secret word of the club is {WORD}. It has been so for years.".encode()


def left(tenant: str) -> list[str]:
    """Where the word still stands."""
    blobs, documents, vectors = clients.blobs(), clients.documents(), clients.vectors()
    return traces(WORD, tenant, s3=blobs.s3, bucket=blobs.bucket, dynamodb=documents.dynamodb, index=vectors.index)


def remains(place: Place) -> list[str]:
    """What there is of a tenant's documents besides the files: objects, vectors, and calls in the ledger."""
    rows = clients.documents().dynamodb.scan(TableName="LedgerTable")["Items"]
    own = [row["pk"]["S"] for row in rows if row.get("tenant", {}).get("S") == place.tenant]
    made = [row["pk"]["S"] for row in rows if row["pk"]["S"].startswith(f"made#{place.tenant}#")]
    objects = [key for top in ("work", "results") for key in clients.blobs().list(f"{top}/{place.tenant}/")]
    return [*objects, *clients.vectors().ids(place.tenant, prefix="doc_"), *own, *made]


def sweep(house: House) -> None:
    """Let the look that comes later come."""
    time.sleep(1.1)
    house.settle()


@pytest.fixture
def club(house: House, tenant: str) -> Place:
    """A document that is ready, in two versions, and was asked about."""
    place = Place(tenant, "default", "club.md")
    house.drop(place.key, TEXT + b" And this was the first version.")
    house.work()
    house.drop(place.key, TEXT)
    house.work()
    answer = asked(house, tenant, "What is the secret word of the club?")
    assert WORD in answer["answer"]
    return place


def test_not_a_word_is_left_anywhere_and_the_receipt_counts_what_went(house: House, club: Place) -> None:
    assert len(left(club.tenant)) > 5
    delete(house, club)
    house.settle()
    assert left(club.tenant) == []
    erased = {"vectors": 1, "objects": 8, "attachments": 0, "results": 2, "answers": 1, "cached": 1}
    assert shown(house, club)["erased"] == {**erased, "conversations": 0}
    [question] = [name for name in remains(club) if name.startswith("call#")]
    assert remains(club) == [question]


def test_a_summary_goes_with_its_document(house: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SUMMARY_OVER_TOKENS": "120", "CHUNK_TOKENS": "60"}.items():
        monkeypatch.setenv(name, value)
    reset_caches()
    place = Place(tenant, "default", "club.txt")
    house.drop(place.key, b"\n\n".join(f"In year {n} the secret word was {WORD}{n}.".encode() for n in range(40)))
    house.work()
    document = shown(house, place)
    assert WORD in document["summary"]
    delete(house, place)
    house.settle()
    assert (left(tenant), remains(place)) == ([], [])
    assert shown(house, place)["erased"]["results"] == document["receipt"]["calls"] > 3


def test_not_a_word_is_left_in_conversations_and_what_followed_from_them(house: House, club: Place) -> None:
    first = asked(house, club.tenant, "What is the secret word of the club?", conversation_id="new")
    place = Place(club.tenant, "default", "house.md")
    house.drop(place.key, b"The house of the club is green.")
    house.work()
    more = {"filter": {"filename": "house.md"}, "conversation_id": first["conversation_id"]}
    asked(house, club.tenant, f"And what is the house called {WORD}?", **more)  # as a model might have rewritten it
    assert [name for name in left(club.tenant) if name.startswith("ConversationsTable")]
    delete(house, club)
    house.settle()
    assert (left(club.tenant), shown(house, club)["erased"]["conversations"]) == ([], 1)


def test_no_vector_of_a_question_is_left_of_its_collection(house: House, club: Place) -> None:
    asked(house, club.tenant, f"Is {WORD} the secret word of the club?", cache="semantic")
    assert clients.vectors().ids(questions(club.tenant), prefix="")
    delete(house, club)
    house.settle()
    assert (clients.vectors().ids(questions(club.tenant), prefix=""), left(club.tenant)) == ([], [])


def test_an_answer_is_not_given_from_what_was_deleted(house: House, club: Place) -> None:
    delete(house, club)
    house.settle()
    again = asked(house, club.tenant, "What is the secret word of the club?")
    assert (again["supported"], WORD in str(again)) == (False, False)


def test_an_answer_out_of_two_documents_goes_with_either(house: House, club: Place) -> None:
    other = Place(club.tenant, "default", "other.md")
    house.drop(other.key, b"The secret word of the club was another one before.")
    house.work()
    asked(house, club.tenant, "What was the secret word of the club before?")
    delete(house, other)
    house.settle()
    assert shown(house, other)["erased"]["answers"] == 1
    assert shown(house, club)["status"] == "ready"
    delete(house, club)
    house.settle()
    assert (left(club.tenant), shown(house, club)["erased"]["answers"]) == ([], 2)


@pytest.mark.parametrize("before", range(5))
def test_the_same_content_put_again_is_ready_and_paid_for_anew_at_most_once(
    house: House, club: Place, before: int
) -> None:
    """So many stages have worked on the new version when the old ones are erased; the last may use what they paid."""
    delete(house, club)
    house.drop(club.key, TEXT)
    for stage in STAGES[:before]:
        house.work(stage)
    house.work("erase")
    house.settle()
    sweep(house)
    document = shown(house, club)
    assert (document["status"], document["version"], document["receipt"]["calls"]) == ("ready", 4, int(before < 4))
    assert [hit.split()[-1] for hit in found(house, club.tenant)] == ["years."]
    assert len(clients.blobs().list(f"results/{club.tenant}/")) == int(before < 4)


@pytest.mark.parametrize("stages", [(), ("extract",), ("extract", "chunk"), ("extract", "chunk", "embed")], ids=len)
def test_a_document_deleted_while_it_is_ingested_leaves_nothing(
    house: House, tenant: str, stages: tuple[str, ...]
) -> None:
    place = Place(tenant, "default", "club.md")
    house.drop(place.key, TEXT)
    if stages:
        house.work(*stages)
    house.remove(place.key) if not stages else delete(house, place)
    house.settle()
    sweep(house)
    assert (left(tenant), remains(place)) == ([], [])


@pytest.mark.parametrize(
    ("stage", "writes"),
    [("extract", Blobs.put_json), ("chunk", Blobs.put_json), ("embed", Models.embed), ("index", Vectors.upsert)],
    ids=STAGES,
)
def test_what_a_stage_writes_after_the_deletion_is_swept_up_later(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch, stage: str, writes: Any
) -> None:
    """The stage has begun when the document is deleted, and writes when everything is erased already."""
    place, owner = Place(tenant, "default", "club.md"), globals()[writes.__qualname__.split(".")[0]]
    house.drop(place.key, TEXT)
    for earlier in STAGES[: STAGES.index(stage)]:
        house.work(earlier)
    [(_, message)] = house._receive(stage)

    def deleted_just_then(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(owner, writes.__name__, writes)
        delete(house, place)
        house.work("erase")
        return writes(*args, **more)

    monkeypatch.setattr(owner, writes.__name__, deleted_just_then)
    house._deliver(stage, message)
    assert remains(place)
    erased = shown(house, place)["erased"]
    sweep(house)
    assert (left(tenant), remains(place)) == ([], [])
    assert sum(shown(house, place)["erased"].values()) > sum(erased.values())


def test_an_answer_under_way_when_its_document_is_deleted_is_swept_up(
    house: House, club: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = type(clients.documents()).live

    def deleted_just_then(self: Any, *args: Any) -> Any:
        answer = live(self, *args)
        delete(house, club)
        house.work("erase")
        return answer

    monkeypatch.setattr(type(clients.documents()), "live", deleted_just_then)
    asked(house, club.tenant, "And what was the secret word of the club?")
    assert left(club.tenant)
    sweep(house)
    assert left(club.tenant) == []
    assert shown(house, club)["erased"]["answers"] == 2


def mail(*attachments: tuple[str, str], inner: EmailMessage | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@example.com", "The club"
    message.set_content(f"The word is {WORD}, and there is more in the files.")
    for name, text in attachments:
        message.add_attachment(text.encode(), maintype="text", subtype="plain", filename=name)
    if inner:
        message.add_attachment(inner, filename="inner.eml")
    return message


@pytest.fixture
def post(house: House, tenant: str) -> Place:
    """A mail with two files and a mail that has one itself."""
    place = Place(tenant, "default", "post.eml")
    inner = mail((f"{WORD}.txt", f"Inside, {WORD}, for the third time."))
    message = mail(("a.txt", f"The first file says {WORD}."), ("b.txt", f"The second says {WORD}."), inner=inner)
    house.drop(place.key, bytes(message))
    house.settle()
    assert files(tenant) == [
        "post.eml",
        "post.eml/a.txt",
        "post.eml/b.txt",
        "post.eml/inner.eml",
        f"post.eml/inner.eml/{WORD}.txt",
    ]
    return place


def files(tenant: str) -> list[str]:
    prefix = f"uploads/{tenant}/default/"
    return [key.removeprefix(prefix) for key in clients.blobs().list(prefix)]


def statuses(house: House, tenant: str) -> dict[str, str]:
    items = house.call("ingest/documents", "GET", "/documents", tenant=tenant)[1]["items"]
    return {item["filename"]: item["status"] for item in items}


def test_a_mail_takes_its_attachments_and_those_of_the_mails_in_it(house: House, post: Place) -> None:
    delete(house, post)
    house.settle()
    sweep(house)
    assert files(post.tenant) == []
    assert set(statuses(house, post.tenant).values()) == {"deleted"}
    assert shown(house, post)["erased"]["attachments"] == 3
    [row] = left(post.tenant)  # a deleted document is still known by its name
    assert row.startswith("DocumentsTable")


def test_a_file_somebody_put_where_an_attachment_was_stays(house: House, post: Place) -> None:
    own = Place(post.tenant, "default", "post.eml/a.txt")
    house.drop(own.key, b"This is my own.")
    mine = Place(post.tenant, "default", "post.eml/mine.txt")
    house.drop(mine.key, b"And so is this.")
    house.settle()
    delete(house, post)
    house.settle()
    sweep(house)
    assert files(post.tenant) == ["post.eml/a.txt", "post.eml/mine.txt"]
    assert [shown(house, place)["status"] for place in (own, mine)] == ["ready", "ready"]


def test_what_a_new_version_of_a_mail_no_longer_has_vanishes(house: House, post: Place) -> None:
    house.drop(post.key, bytes(mail(("b.txt", f"The second says {WORD}."), ("c.txt", "The third is new."))))
    house.settle()
    assert files(post.tenant) == ["post.eml", "post.eml/b.txt", "post.eml/c.txt"]
    assert statuses(house, post.tenant) == {
        "post.eml": "ready",
        "post.eml/a.txt": "deleted",
        "post.eml/b.txt": "ready",
        "post.eml/c.txt": "ready",
        "post.eml/inner.eml": "deleted",
        f"post.eml/inner.eml/{WORD}.txt": "deleted",
    }
    house.drop(post.key, b"From: ann@example.com\nSubject: none\n\nNothing is attached.")
    house.settle()
    assert files(post.tenant) == ["post.eml"]


def test_an_attachment_put_while_its_mail_is_deleted_goes_all_the_same(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tenant, "default", "post.eml")
    house.drop(place.key, bytes(mail(("a.txt", f"The first file says {WORD}."))))
    blobs = type(clients.blobs())
    put = blobs.put

    def deleted_just_then(self: Any, key: str, data: bytes, **more: Any) -> None:
        if key == f"{place.key}/a.txt":
            monkeypatch.setattr(blobs, "put", put)
            delete(house, place)
            house.work("erase")
        put(self, key, data, **more)

    monkeypatch.setattr(blobs, "put", deleted_just_then)
    house.work("extract")
    house.settle()
    sweep(house)
    assert (files(tenant), left(tenant)) == ([], [])


def test_an_erasure_killed_anywhere_ends_the_same(
    house: House, killer: Executioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LATE_ERASURE_SECONDS", "900")  # never, as far as this test goes
    reset_caches()

    def erased(number: int, due: list[int]) -> dict[str, int]:
        tenant = f"t{number}x{time.time_ns()}"
        place = Place(tenant, "default", "post.eml")
        house.drop(place.key, bytes(mail(("a.txt", f"The first file says {WORD}."))))
        house.settle()
        asked(house, tenant, "What is the word?")
        house.remove(place.key)
        [(_, removal)] = house._receive("erase")
        killer.begin(due)
        house._deliver("erase", removal)
        killed.append(len(killer.passed))
        house.settle()
        assert (left(tenant), files(tenant)) == ([], []), killer.passed
        return dict(shown(house, place)["erased"])

    killed: list[int] = []
    whole = erased(-1, [])
    [moments] = killed
    assert moments > 20
    assert whole["attachments"] == whole["answers"] == 1
    for moment in range(1, moments, 2):  # after a call is as good as before the next one
        assert erased(moment, [moment]) == whole, killer.passed
