"""The documents table: versions, and stages that come late, twice or out of order."""

import pytest

from quadrille.documents import Documents, Place, Status
from quadrille.errors import NotFound, RetryLater
from quadrille.messages import DocumentVersion

PLACE = Place("acme", "default", "a.md")


def opened(documents: Documents, digest: str = "one", sequencer: str = "01") -> DocumentVersion:
    row = documents.arrive(PLACE, sequencer=sequencer)
    assert row
    version = documents.open_version(row, digest=digest, size=3)
    assert version
    return version


def finished(documents: Documents, version: DocumentVersion) -> None:
    assert documents.advance(version, Status.READY)


def status(documents: Documents) -> str:
    return str(documents.get("acme", PLACE.document_id)["status"])


def test_an_announced_upload_waits_and_is_forgotten_if_it_never_comes(documents: Documents) -> None:
    documents.announce(PLACE, size=3, confirm=False)
    row = documents.get("acme", PLACE.document_id)
    assert (row["status"], row["version"]) == ("waiting", 0)
    assert row["expires_at"]
    opened(documents)
    assert "expires_at" not in documents.get("acme", PLACE.document_id)


def test_announcing_a_document_that_exists_changes_nothing(documents: Documents) -> None:
    finished(documents, opened(documents))
    documents.announce(PLACE, size=99, confirm=False)
    assert status(documents) == "ready"


def test_other_content_under_the_same_name_is_the_next_version(documents: Documents) -> None:
    first = opened(documents)
    finished(documents, first)
    second = opened(documents, digest="two", sequencer="02")
    assert (first.version, second.version) == (1, 2)
    assert documents.get("acme", PLACE.document_id)["batches"] == {}


def test_the_same_content_again_needs_no_work(documents: Documents) -> None:
    finished(documents, opened(documents))
    row = documents.arrive(PLACE, sequencer="02")
    assert row
    assert documents.open_version(row, digest="one", size=3) is None
    assert status(documents) == "ready"


def test_the_same_content_again_after_a_failure_is_tried_again(documents: Documents) -> None:
    documents.fail(opened(documents), "it was raining")
    again = opened(documents, sequencer="02")
    assert again.version == 1
    row = documents.get("acme", PLACE.document_id)
    assert (row["status"], row["error"]) == ("extracting", None)


def test_an_event_that_was_overtaken_is_dropped(documents: Documents) -> None:
    opened(documents, sequencer="02")
    assert documents.arrive(PLACE, sequencer="01") is None


def test_two_workers_cannot_both_begin_a_version(documents: Documents) -> None:
    row = documents.arrive(PLACE, sequencer="01")
    assert row
    documents.open_version(row, digest="one", size=3)
    with pytest.raises(RetryLater):
        documents.open_version(row, digest="two", size=3)


def test_a_late_message_of_an_old_version_changes_nothing(documents: Documents) -> None:
    old = opened(documents)
    opened(documents, digest="two", sequencer="02")
    assert documents.current(old) is None
    assert documents.advance(old, Status.READY) is None
    assert documents.embedded(old, 0, blob="b", chunks=1) is None
    assert status(documents) == "extracting"


def test_a_searchable_version_is_not_taken_back(documents: Documents) -> None:
    version = opened(documents)
    finished(documents, version)
    documents.fail(version, "late")
    assert status(documents) == "ready"


def test_a_batch_delivered_twice_is_in_the_set_once(documents: Documents) -> None:
    version = opened(documents)
    documents.embedded(version, 0, blob="b0", chunks=8)
    row = documents.embedded(version, 0, blob="b1", chunks=8)
    assert row
    assert row["batches"] == {"0": {"blob": "b0", "sparse": "", "chunks": 8}}


@pytest.mark.parametrize("end", [Status.FAILED, Status.INDEXING])
def test_a_version_that_is_past_waiting_does_not_wait_for_a_budget(documents: Documents, end: Status) -> None:
    version = opened(documents)
    documents.advance(version, end, error="why")
    assert not documents.wait(version, "no money")
    assert status(documents) == end


def test_an_explanation_does_not_replace_the_reason_of_a_failure(documents: Documents) -> None:
    version = opened(documents)
    documents.fail(version, "damaged")
    documents.explain(version, "throttled")
    assert documents.get("acme", PLACE.document_id)["error"] == "damaged"


def test_another_tenants_document_is_not_found(documents: Documents) -> None:
    opened(documents)
    with pytest.raises(NotFound):
        documents.get("other", PLACE.document_id)


def test_a_list_pages_and_filters(documents: Documents) -> None:
    for number in range(7):
        place = Place("acme", "even" if number % 2 == 0 else "odd", f"{number}.md")
        documents.announce(place, size=1, confirm=False)
    documents.announce(Place("other", "even", "x.md"), size=1, confirm=False)
    seen: list[str] = []
    cursor = None
    while True:
        rows, cursor = documents.list("acme", collection="even", status=Status.WAITING, after=cursor, limit=2)
        assert len(rows) <= 2
        seen += [row["filename"] for row in rows]
        if cursor is None:
            break
    assert sorted(seen) == ["0.md", "2.md", "4.md", "6.md"]
    assert documents.list("acme", collection=None, status=Status.READY, after=None, limit=2) == ([], None)


def test_a_file_in_no_place_is_noted_as_failed(documents: Documents) -> None:
    documents.refuse("acme", "uploads/acme/x.pdf", reason="no collection")
    rows, _ = documents.list("acme", collection=None, status=Status.FAILED, after=None, limit=2)
    assert [(row["filename"], row["error"]) for row in rows] == [("uploads/acme/x.pdf", "no collection")]
