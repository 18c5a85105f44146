"""What the pipeline makes of a document, on the deployed stack."""

from decimal import Decimal

from tests.local.conftest import Caller
from tests.local.test_stack import Client, drop, submit

BOOK = "\n\n".join(
    f"In the year {1500 + n} the harbour of town {n * 31 % 97} was rebuilt by guild {n * 7 % 90}, and it cost them all "
    f"{n * 13 % 89} marks for the stones, the timber and the wine of the masons who had come over the mountains."
    for n in range(1, 301)
)


def test_a_long_document_has_a_summary_and_is_paid_for_once(caller: Caller, client: Client) -> None:
    drop(client, caller, "book.txt", BOOK.encode())
    document = caller.await_final("book.txt")
    assert (document["status"], document["missing"]) == ("ready", [])
    assert "harbour" in document["summary"]
    assert document["receipt"]["calls"] == 5  # a batch to either model, two parts, and the summary of both


def test_a_document_to_be_confirmed_costs_nothing_before_and_its_estimate_after(caller: Caller) -> None:
    data = BOOK[:9_000].encode()
    caller.ok("POST", "/documents", {"filename": "book.txt", "size": 1})  # the last announcement counts
    made = caller.ok("POST", "/documents", {"filename": "book.txt", "size": len(data), "confirm": True})
    submit(made["upload"], data)
    held = caller.await_status("book.txt", "waiting", version=1)  # announced it is version 0
    assert held["receipt"]["calls"] == 0
    assert caller.ok("POST", "/documents/estimate", {"document_id": held["document_id"]}) == held["estimate"]
    caller.ok("POST", f"/documents/{held['document_id']}/confirm")
    ready = caller.await_final("book.txt")
    assert ready["status"] == "ready"
    ratio = Decimal(held["estimate"]["cost_usd"]) / Decimal(ready["receipt"]["cost_usd"])
    assert Decimal("0.8") < ratio < Decimal("1.25")  # the sparse model counts tokens its own way


def test_a_collection_is_split_as_it_was_told_to_be(caller: Caller, client: Client) -> None:
    size = {"chunk_tokens": 60, "chunk_overlap_tokens": 5}
    assert caller.ok("PUT", "/collections/default", size) == size
    drop(client, caller, "book.txt", BOOK[:3_000].encode())
    assert caller.await_final("book.txt")["chunks"]["total"] > 10


def test_a_passage_is_found_by_the_heading_it_stands_under_and_quoted_without_it(
    caller: Caller, client: Client
) -> None:
    rows = "\n".join(f"| {year} | {year * 7 % 1000} |" for year in range(1500, 1700))
    drop(
        client,
        caller,
        "chronicle.md",
        f"# Chronicle of Ahrensburg\n\n| Year | Rainfall |\n| --- | --- |\n{rows}\n".encode(),
    )
    assert caller.await_final("chronicle.md")["chunks"]["total"] > 3
    hits = caller.ok("POST", "/search", {"query": "rainfall at Ahrensburg in 1650"})["hits"]
    assert any("| 1650 |" in hit["text"] for hit in hits)
    assert sum("Ahrensburg" in hit["text"] for hit in hits) <= 1
