import pytest

from quadrille.errors import Invalid, NotFound
from quadrille.keys import Keys, Principal
from quadrille.rows import get


def test_a_key_decides_tenant_and_scopes(keys: Keys) -> None:
    made = keys.create("acme", ["ingest", "ask"])
    assert keys.principal(made["key"]) == Principal("acme", made["key_id"], frozenset({"ask", "ingest"}))


def test_a_key_is_not_kept(keys: Keys) -> None:
    made = keys.create("acme", ["ask"])
    row = get(keys.dynamodb, keys.table, {"key_id": made["key_id"]})
    assert row is not None
    assert made["key"] not in str(row)
    assert made["key"].rsplit("_", 1)[1] not in str(row)


def test_an_altered_a_foreign_and_a_malformed_key_are_nobodys(keys: Keys) -> None:
    one, two = keys.create("acme", ["ask"])["key"], keys.create("other", ["ask"])["key"]
    crossed = one[:20] + two[20:]
    for key in (one[:-1] + ("A" if one[-1] != "A" else "B"), crossed, "", "qk_", one + " ", one.upper()):
        assert keys.principal(key) is None


def test_a_revoked_key_is_nobodys(keys: Keys) -> None:
    made = keys.create("acme", ["ask"])
    keys.revoke(made["key_id"])
    assert keys.principal(made["key"]) is None
    with pytest.raises(NotFound):
        keys.revoke(made["key_id"])


def test_a_list_has_a_tenants_keys_without_their_digests(keys: Keys) -> None:
    made = keys.create("acme", ["ask"])
    keys.create("other", ["ask"])
    assert [row["key_id"] for row in keys.list("acme")] == [made["key_id"]]
    assert "digest" not in keys.list("acme")[0]


@pytest.mark.parametrize(
    ("tenant", "scopes", "named"),
    [
        ("", ["ask"], "tenant"),
        ("Acme", ["ask"], "tenant"),
        ("_unclaimed", ["ask"], "tenant"),
        ("a/b", ["ask"], "tenant"),
        ("acme", [], "scopes"),
        ("acme", ["ask", "root"], "scopes"),
    ],
)
def test_a_bad_tenant_or_scope_is_refused_by_name(keys: Keys, tenant: str, scopes: list[str], named: str) -> None:
    with pytest.raises(Invalid) as refused:
        keys.create(tenant, scopes)
    assert refused.value.field == named
