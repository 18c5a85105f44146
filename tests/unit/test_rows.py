"""What the tables are asked for."""

from typing import Any

from quadrille.rows import get


class Table:
    """A table that refuses what a table refuses."""

    def get_item(self, **request: Any) -> dict[str, Any]:
        assert all(len(part["S"].encode()) <= 1_024 for part in request["Key"].values()), "ValidationException"
        return {}


def test_a_key_no_row_can_have_has_none() -> None:
    for part in ("x", "x" * 1_025, "é" * 513):
        assert get(Table(), "table", {"pk": "ticket#acme", "sk": part}) is None  # type: ignore[arg-type]
