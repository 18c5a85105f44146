import pytest

from quadrille.documents import Place
from quadrille.errors import Invalid


def test_a_key_names_tenant_collection_and_file() -> None:
    place = Place.of("uploads/acme/manuals/2026/pump éè.pdf")
    assert (place.tenant, place.collection, place.filename) == ("acme", "manuals", "2026/pump éè.pdf")
    assert place.key == "uploads/acme/manuals/2026/pump éè.pdf"


def test_the_same_file_is_the_same_document_and_another_is_not() -> None:
    ids = {Place("acme", collection, name).document_id for collection in ("a", "b") for name in ("x", "y")}
    assert len(ids) == 4
    assert Place("acme", "a", "x").document_id in ids


@pytest.mark.parametrize(
    "key",
    [
        "uploads/x.pdf",
        "uploads/acme/x.pdf",
        "other/acme/default/x.pdf",
        "uploads/ACME/default/x.pdf",
        "uploads/-/default/x.pdf",
        "uploads/acme/.hidden/x.pdf",
        "uploads/acme/default/",
        "uploads/acme/default/../x.pdf",
        "uploads/acme/default/a//b.pdf",
        "uploads/acme/default/a\nb.pdf",
        "uploads/_unclaimed/default/x.pdf",
        "uploads/acme/default/" + "x" * 1_100,
    ],
)
def test_a_key_that_is_no_place_is_refused_with_a_reason(key: str) -> None:
    with pytest.raises(Invalid) as refused:
        Place.of(key)
    assert refused.value.reason
