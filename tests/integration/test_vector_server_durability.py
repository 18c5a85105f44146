"""The offline vector server under concurrent load, and across crashes and restarts.
Every acknowledged write is there afterwards, and no query ever sees half of one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest
from pinecone import Pinecone
from pinecone.index import Index

from local.vectors.process import ROOT, serve

DIMENSION = 64
BATCH = 50


@contextmanager
def connected(url: str) -> Iterator[Index]:
    with Pinecone(api_key="local") as client, client.index(host=url) as index:
        yield index


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(tmp_path_factory.mktemp("vectors")) as server:
        yield server.url


def batch(prefix: str, version: int = 0) -> list[Any]:
    """Records of which each has its version in its values and in its metadata."""
    values = [float(version + 1)] + [1.0] * (DIMENSION - 1)
    return [(f"{prefix}#{number}", values, {"version": version}) for number in range(BATCH)]


def together(*jobs: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def test_concurrent_writers_and_readers_end_with_the_right_count(tmp_path: Path) -> None:
    def write(index: Index, name: str) -> None:
        for number in range(8):
            index.upsert(vectors=batch(f"{name}-{number}"))
            if number % 2:
                index.delete(ids=[record[0] for record in batch(f"{name}-{number}")])

    def read(index: Index) -> None:
        for _ in range(20):
            matches = index.query(vector=[1.0] * DIMENSION, top_k=1000, include_values=True).matches
            assert len({match.id for match in matches}) == len(matches)
            assert len(matches) % BATCH == 0

    with serve(tmp_path) as server, connected(server.url) as index:
        together(*(lambda name=name: write(index, name) for name in "abcd"), *[lambda: read(index)] * 4)
        assert index.describe_index_stats().total_vector_count == 4 * 4 * BATCH
    with serve(tmp_path) as server, connected(server.url) as index:
        assert index.describe_index_stats().total_vector_count == 4 * 4 * BATCH


def test_a_query_never_sees_half_an_upsert(tmp_path: Path) -> None:
    done = Event()

    def write(index: Index) -> None:
        for version in range(1, 30):
            index.upsert(vectors=batch("r", version))
        done.set()

    def read(index: Index) -> int:
        rounds = 0
        while not done.is_set():
            matches = index.query(
                vector=[1.0] * DIMENSION, top_k=BATCH, include_values=True, include_metadata=True
            ).matches
            assert len({(match.values[0] - 1, match.metadata["version"]) for match in matches}) == 1
            assert all(match.values[0] - 1 == match.metadata["version"] for match in matches)
            rounds += 1
        return rounds

    with serve(tmp_path) as server, connected(server.url) as index:
        index.upsert(vectors=batch("r"))
        _, *rounds = together(lambda: write(index), *[lambda: read(index)] * 3)
        assert all(rounds)


def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    acknowledged: list[str] = []

    def write(index: Index, kill: Callable[[], None]) -> None:
        for number in range(1000):
            if number == 25:
                together(kill, lambda: index.upsert(vectors=batch("lost"), timeout=0.5))
            index.upsert(vectors=batch(f"k-{number}"))
            acknowledged.extend(record[0] for record in batch(f"k-{number}"))

    with serve(tmp_path) as server, connected(server.url) as index, pytest.raises(Exception, match="onnect"):
        write(index, server.kill)
    with serve(tmp_path) as server, connected(server.url) as index:
        listed = {item.id for page in index.list(prefix="k-") for item in page.vectors}
        assert len(acknowledged) == 25 * BATCH
        assert listed == set(acknowledged)
        assert len(list(index.list(prefix="lost", limit=100))) in (0, 1)


def test_a_restart_gives_back_vectors_metadata_and_namespaces(tmp_path: Path) -> None:
    record = {
        "id": "a",
        "values": [0.1] * DIMENSION,
        "sparse_values": {"indices": [3, 2**32 - 1], "values": [0.25, 0.5]},
        "metadata": {"tags": ["x", "Zürich"], "page": 3},
    }
    with serve(tmp_path, "--metric", "dotproduct") as server, connected(server.url) as index:
        index.upsert(vectors=[record, ("gone", [1.0] * DIMENSION)], namespace="n")
        index.update(id="a", set_metadata={"added": True}, namespace="n")
        index.delete(ids=["gone"], namespace="n")
        index.create_namespace(name="empty")
        before = index.fetch(ids=["a"], namespace="n").to_dict()["vectors"]
    with serve(tmp_path) as server, connected(server.url) as index:
        assert index.fetch(ids=["a", "gone"], namespace="n").to_dict()["vectors"] == before
        assert index.describe_namespace(name="empty").record_count == 0
        stats = index.describe_index_stats()
        assert (stats.dimension, stats.metric, stats.total_vector_count) == (DIMENSION, "dotproduct", 1)
        query = index.query(sparse_vector={"indices": [2**32 - 1], "values": [2.0]}, top_k=5, namespace="n")
        assert [(match.id, match.score) for match in query.matches] == [("a", 1.0)]


def test_an_index_whose_first_record_is_sparse_is_a_sparse_index(tmp_path: Path) -> None:
    with serve(tmp_path) as server, connected(server.url) as index:
        index.upsert(vectors=[{"id": "a", "sparse_values": {"indices": [1], "values": [1.0]}}])
        with pytest.raises(Exception, match="Index is sparse"):
            index.upsert(vectors=[("b", [1.0, 2.0])])
        assert index.query(id="a", top_k=3).matches[0].score == 1.0
        assert index.describe_index_stats().vector_type == "sparse"


def test_health_needs_no_key_and_errors_have_the_services_shape(tmp_path: Path) -> None:
    with serve(tmp_path) as server, httpx.Client(base_url=server.url) as http:
        assert http.get("/health").json() == {"status": "ok"}
        refused = http.post("/query", json={})
        assert (refused.status_code, refused.json()["code"]) == (401, 16)
        http.headers["Api-Key"] = "local"
        assert http.post("/query", content=b"{").json()["code"] == 3
        assert http.get("/nowhere").json() == {"code": 5, "message": "There is no /nowhere", "details": []}
        assert http.get("/query").status_code == 405


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ({"id": "Zürich", "values": [1.0]}, "ASCII"),
        ({"id": "a", "values": ["1.0"]}, "list of numbers"),
        ({"id": "a", "values": [1e39]}, "finite"),
        ({"id": "a", "values": [1.0], "metadata": {"nested": {}}}, "got 'dict' for field 'nested'"),
        ({"id": "a", "values": [1.0], "metadata": {"empty": None}}, "got 'null' for field 'empty'"),
    ],
)
def test_what_the_client_would_not_send_is_refused_too(server_url: str, vector: Any, message: str) -> None:
    response = httpx.post(f"{server_url}/vectors/upsert", json={"vectors": [vector]}, headers={"Api-Key": "local"})
    assert response.status_code == 400
    assert message in response.json()["message"]


def test_a_second_server_says_in_one_sentence_why_it_cannot_start(tmp_path: Path) -> None:
    def start(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "local.vectors", *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10, check=False)

    with serve(tmp_path / "one") as server:
        port = server.url.rpartition(":")[2]
        taken = start("--port", port, "--data", str(tmp_path / "two"))
        shared = start("--port", "0", "--data", str(tmp_path / "one"))
    assert (taken.returncode, taken.stderr) == (1, f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n")
    assert (shared.returncode, shared.stderr.count("\n")) == (1, 1)
    assert "is in use by another server" in shared.stderr


def test_the_server_starts_and_stops_at_once(tmp_path: Path) -> None:
    started = monotonic()
    with serve(tmp_path) as server, connected(server.url) as index:
        index.upsert(vectors=batch("a"))
        ready = monotonic()
    assert ready - started < 10
    assert monotonic() - ready < 1
