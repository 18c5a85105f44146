"""Deleting a document: by the API or by removing its file, nothing of it is found or left."""

from typing import Any

import pytest

from quadrille import clients
from quadrille.documents import Place
from tests.integration.house import House, invoke, sqs_event
from tests.integration.test_pipeline import found, shown

GONE = {
    "vectors": 1,
    "objects": 4,
    "attachments": 0,
    "results": 1,
    "answers": 0,
    "cached": 0,
    "conversations": 0,
}  # a note's


@pytest.fixture
def note(house: House, tenant: str) -> Place:
    """A document that is ready, beside another one."""
    house.drop(f"uploads/{tenant}/default/other.md", b"The secret number of the others is nine.")
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The secret number of the club is one.")
    house.work()
    return place


def delete(house: House, place: Place) -> tuple[int, dict[str, Any]]:
    return house.call("ingest/documents", "DELETE", f"/documents/{place.document_id}", tenant=place.tenant)


def left(house: House, place: Place) -> list[str]:
    """What there still is of a document: objects and vectors."""
    objects = clients.blobs().list(f"work/{place.tenant}/{place.document_id}/") + clients.blobs().list(place.key)
    return objects + clients.vectors().ids(place.tenant, prefix=f"{place.document_id}#")


def test_a_deleted_document_is_not_found_from_the_moment_of_the_call(house: House, note: Place) -> None:
    assert sorted(found(house, note.tenant)) == ["nine.", "one."]
    status, document = delete(house, note)
    assert (status, document["status"], document["erased"]) == (202, "deleted", None)
    assert found(house, note.tenant) == ["nine."]


def test_nothing_is_left_of_a_deleted_document_and_it_says_what_went(house: House, note: Place) -> None:
    assert left(house, note)
    delete(house, note)
    house.work()
    assert left(house, note) == []
    assert shown(house, note)["erased"] == GONE


def test_removing_the_file_from_the_bucket_deletes_the_document(house: House, note: Place) -> None:
    house.remove(note.key)
    house.work()
    assert (shown(house, note)["status"], left(house, note)) == ("deleted", [])


def test_deleting_twice_is_deleting_once(house: House, note: Place) -> None:
    delete(house, note)
    house.work()
    assert delete(house, note)[0] == 202
    house.remove(note.key)
    house.work()
    assert shown(house, note)["erased"] == GONE


def test_a_file_put_again_after_its_deletion_is_ingested_anew(house: House, note: Place) -> None:
    delete(house, note)
    house.drop(note.key, b"The secret number of the club is one.")
    house.work()
    assert shown(house, note)["status"] == "ready"
    assert sorted(found(house, note.tenant)) == ["nine.", "one."]


def test_a_removal_that_comes_late_takes_nothing_from_a_file_put_after_it(house: House, note: Place) -> None:
    house.remove(note.key)
    [(_, removal)] = house._receive("erase")
    house.drop(note.key, b"The secret number of the club is two.")
    house.work("extract", "chunk", "embed", "index")
    invoke("ingest/erase", sqs_event(removal))
    assert (shown(house, note)["status"], sorted(found(house, note.tenant))) == ("ready", ["nine.", "two."])


def test_a_stage_that_comes_late_writes_nothing_to_a_deleted_document(house: House, tenant: str) -> None:
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The secret number of the club is one.")
    house.work("extract", "chunk")
    delete(house, place)
    house.work()
    assert (shown(house, place)["status"], left(house, place)) == ("deleted", [])


def test_another_tenants_document_cannot_be_deleted(house: House, note: Place) -> None:
    path = f"/documents/{note.document_id}"
    assert house.call("ingest/documents", "DELETE", path, tenant="stranger")[0] == 404
    assert shown(house, note)["status"] == "ready"
