"""The running stack, and a tenant of a test's own on it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest

from local.stack.deploy import create_key, stack_outputs
from local.stack.places import read_stack

FINAL = ("ready", "partial", "failed")


@dataclass(frozen=True)
class Caller:
    """Somebody with an API key."""

    stack: dict[str, Any]
    tenant: str
    key: str

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any], Any]:
        """Status, body and headers of one HTTP call."""
        given = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", **headers}
        request = urllib.request.Request(
            self.stack["api_url"] + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={name: value for name, value in given.items() if value},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), error.headers

    def ok(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """The body of a call that must succeed."""
        status, answer, _ = self.send(method, path, body)
        assert status < 300, answer
        return answer

    def await_final(self, filename: str, *, version: int = 1, seconds: float = 90) -> dict[str, Any]:
        """A document, once this version of it is final."""
        return self.await_status(filename, *FINAL, version=version, seconds=seconds)

    def await_status(self, filename: str, *statuses: str, version: int = 1, seconds: float = 90) -> dict[str, Any]:
        """A document, once this version of it has one of these statuses."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [item for item in self.ok("GET", "/documents")["items"] if item["filename"] == filename]
            if found and found[0]["version"] >= version and found[0]["status"] in statuses:
                return found[0]
            time.sleep(0.3)
        raise AssertionError(f"{filename} is not {' or '.join(statuses)} after {seconds} s: {found}")


@pytest.fixture(scope="session")
def stack() -> dict[str, Any]:
    """Where the stack is that `make up` or `make test` started."""
    return read_stack()


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session("test", "test", region_name="us-east-1")


@pytest.fixture(scope="session")
def outputs(stack: dict[str, Any], session: boto3.Session) -> dict[str, str]:
    return stack_outputs(session, stack["aws_endpoint_url"])


@pytest.fixture(scope="session")
def client(stack: dict[str, Any], session: boto3.Session) -> Callable[[str], Any]:
    """A boto3 client of the embedded AWS."""
    return lambda service: session.client(service, endpoint_url=stack["aws_endpoint_url"])


@pytest.fixture
def new_caller(stack: dict[str, Any], session: boto3.Session, outputs: dict[str, str]) -> Callable[..., Caller]:
    def make(scopes: tuple[str, ...] = ("ask", "ingest")) -> Caller:
        tenant = f"t{uuid4().hex[:12]}"
        made = create_key(session, outputs, tenant, list(scopes), stack["aws_endpoint_url"])
        return Caller(stack, tenant, made["key"])

    return make


@pytest.fixture
def caller(new_caller: Callable[..., Caller]) -> Caller:
    return new_caller()
