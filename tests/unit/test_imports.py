"""What a function's file may import. Inside the layer the contracts of pyproject.toml hold (`make check`)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack.places import ROOT

ALLOWED = {"aws_lambda_powertools", "datetime", "functools", "pydantic", "quadrille", "time", "typing"}
FILES = sorted((ROOT / "functions").rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_function_calls_the_layer_and_no_sdk(file: Path) -> None:
    assert set(imported(file)) <= ALLOWED


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_functions_file_is_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 70


@pytest.mark.parametrize(
    ("provider", "adapters"),
    [
        ({"openai"}, {"clients.py", "llm.py"}),
        ({"httpx2"}, {"llm.py", "toolservers.py"}),
        ({"mcp"}, {"foreign.py", "toolservers.py"}),
        ({"pinecone"}, {"clients.py", "inference.py", "vectors.py"}),
    ],
    ids=["models", "http", "servers", "vectors"],
)
def test_a_provider_is_called_by_its_adapter_alone(provider: set[str], adapters: set[str]) -> None:
    files = [*(ROOT / "layers/core/quadrille").rglob("*.py"), *FILES]
    assert {file.name for file in files if provider & set(imported(file))} == adapters


def test_only_config_reads_the_environment() -> None:
    readers = {
        path.name
        for top in ("functions", "layers")
        for path in (ROOT / top).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert readers == {"config.py"}
