"""The running stack."""

from typing import Any

import pytest

from local.stack.places import read_stack


@pytest.fixture(scope="session")
def stack() -> dict[str, Any]:
    """Where the stack is that `make up` or `make test` started."""
    return read_stack()
