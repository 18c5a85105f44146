"""POST /documents/{id}/retry: what is missing is done, and nothing else is paid for."""

from typing import Any

import pytest

from quadrille import clients
from quadrille.documents import Place
from quadrille.errors import AmbiguousCall
from quadrille.llm import Models
from quadrille.messages import DocumentVersion
from tests.integration.house import House, invoke, reset_caches, sqs_event
from tests.integration.test_pipeline import shown


def retry(house: House, place: Place) -> int:
    path = f"/documents/{place.document_id}/retry"
    return house.call("ingest/documents", "POST", path, tenant=place.tenant)[0]


@pytest.fixture
def half(house: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A document of three batches of which one is embedded; it has failed, and its messages are gone."""
    monkeypatch.setenv("EMBED_BATCH", "1")
    reset_caches()
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"\n\n".join(b"The number of house %d is four. " % n * 60 for n in range(3)))
    house.work("extract", "chunk")
    [(_, one), *_] = house._receive("embed")
    invoke("ingest/embed", sqs_event(one))
    house.sqs.purge_queue(QueueUrl=house.urls["embed"])
    version = DocumentVersion(tenant=tenant, document_id=place.document_id, version=1)
    clients.documents().fail(version, "the provider was away")
    return place


def test_a_retry_pays_for_what_is_missing_and_not_for_what_is_there(house: House, half: Place) -> None:
    before = shown(house, half)
    assert (before["status"], before["chunks"]["embedded"]) == ("failed", 1)
    assert retry(house, half) == 202
    house.work()
    after = shown(house, half)
    assert (after["status"], after["version"], after["error"]) == ("ready", 1, None)
    assert after["receipt"]["calls"] == after["chunks"]["total"]
    assert before["receipt"]["calls"] == 1


def test_a_retry_of_what_is_ready_does_nothing(house: House, half: Place) -> None:
    retry(house, half)
    house.work()
    assert retry(house, half) == 202
    assert house.work() == 0


def test_what_was_sent_in_vain_too_often_is_sent_again_on_a_retry(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: Any) -> None:
        raise AmbiguousCall("no reply")

    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.work("extract", "chunk")
    [(_, message)] = house._receive("embed")
    with monkeypatch.context() as patched:
        patched.setattr(Models, "_embed", lose)
        for _ in range(6):
            invoke("ingest/embed", sqs_event(message, receives=1))
    assert "sent to the model provider 5 times" in shown(house, place)["error"]
    retry(house, place)
    house.work()
    receipt = shown(house, place)["receipt"]
    assert (shown(house, place)["status"], receipt["calls"], receipt["ambiguous"]) == ("ready", 1, 5)


def test_a_document_that_was_never_uploaded_has_nothing_to_retry(house: House, tenant: str) -> None:
    body = {"filename": "notes.md", "size": 3}
    house.call("ingest/uploads", "POST", "/documents", body, tenant=tenant)
    assert retry(house, Place(tenant, "default", "notes.md")) == 422
