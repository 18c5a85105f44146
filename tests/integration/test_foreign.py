"""Tools that are not ours: Lambda functions, and those of a small MCP server in a process of its own."""

import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from mcp.types import Tool as Offer
from mcp.types import ToolAnnotations

from quadrille import clients
from quadrille.act.foreign import of_function, of_servers
from quadrille.act.tooling import Tool, Use
from quadrille.calls import Payer
from quadrille.config import ToolFunction, settings
from quadrille.errors import Invalid, ProviderRefused, RetryLater
from quadrille.functions import Functions
from quadrille.toolservers import Toolserver

ARN = "arn:aws:lambda:us-east-1:000000000000:function:stock"
STOCK = {"name": "stock", "arn": ARN, "description": "How many there are.", "schema": {"properties": {"of": {}}}}
USE = Use("acme", "task_1", "task_1/r2-0", "default", Payer("acme", "tasks/task_1", 0, 0))


def run(tool: Tool, **arguments: Any) -> str:
    checked = tool.check(tool.parse(json.dumps(arguments)))
    return tool.run(checked, USE, None).text  # type: ignore[arg-type]


class Lambda:
    """Replies with these bytes, or raises."""

    def __init__(self, payload: bytes | Exception, **more: str) -> None:
        self.payload, self.more = payload, more
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **asked: Any) -> Mapping[str, Any]:
        self.asked.append(asked)
        if isinstance(self.payload, Exception):
            raise self.payload
        return {"Payload": io.BytesIO(self.payload), **self.more}


def stock(payload: bytes | Exception, **more: str) -> tuple[Tool, Lambda]:
    there = Lambda(payload, **more)
    return of_function(ToolFunction.model_validate(STOCK), lambda: Functions(there)), there  # type: ignore[arg-type]


def failed(code: str, status: int) -> ClientError:
    about = {"Error": {"Code": code, "Message": ARN}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(about, "Invoke")  # type: ignore[arg-type]


def test_a_function_is_asked_with_who_asks_and_a_key_that_stays():
    tool, there = stock(b'{"pieces": 5}')
    assert run(tool, of="pens") == '{"pieces": 5}'
    [asked] = there.asked
    message = {"tenant": "acme", "task_id": "task_1", "key": "task_1/r2-0", "arguments": {"of": "pens"}}
    assert (asked["FunctionName"], json.loads(asked["Payload"])) == (ARN, message)


@pytest.mark.parametrize(("payload", "text"), [(b'"five"', "five"), (b"null", "null"), (b"", "null"), (b"5", "5")])
def test_a_reply_is_shown_as_it_is(payload: bytes, text: str):
    assert run(stock(payload)[0]) == text


def test_the_failure_of_a_function_is_a_reply_without_its_trace():
    payload = {"errorMessage": "no such thing" + "!" * 5_000, "stackTrace": ["line 1"]}
    told = run(stock(json.dumps(payload).encode(), FunctionError="Unhandled")[0])
    assert told.startswith("The tool failed: no such thing!")
    assert "line 1" not in told
    assert len(told) < 1_100


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failed("TooManyRequestsException", 429), RetryLater),
        (failed("ServiceException", 500), RetryLater),
        (ReadTimeoutError(endpoint_url="x"), RetryLater),
        (failed("AccessDeniedException", 403), ProviderRefused),
        (failed("ResourceNotFoundException", 404), ProviderRefused),
    ],
)
def test_what_hinders_a_function_is_told_without_its_arn(error: Exception, kind: type[Exception]):
    with pytest.raises(kind) as caught:
        run(stock(error)[0])
    assert ARN not in str(caught.value)


def test_a_function_has_effects_and_others_words_unless_it_is_said_otherwise():
    tool, _ = stock(b"1")
    assert (tool.effect, tool.untrusted, tool.approval) == (True, True, False)
    with pytest.raises(Invalid, match="by: is no argument of this tool; allowed: of"):
        run(tool, by="me")
    assert not tool.offered()["function"]["strict"]


@pytest.fixture(scope="module")
def server() -> Iterator[Toolserver]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, Path(__file__).with_name("mcp_server.py"), str(port)])
    try:
        until = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < until:
            time.sleep(0.1)
        yield Toolserver("small", f"http://127.0.0.1:{port}/mcp", lambda: "secret", 20, 1_000_000)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def tools(server: Toolserver) -> dict[str, Tool]:
    return {tool.name: tool for tool in of_servers([server], most=50)}


def test_a_servers_tools_stand_under_its_name(tools: dict[str, Tool]):
    assert [*tools] == [f"small__{name}" for name in ("add", "pay", "broken", "huge", "slow", "odd_name_of_a-tool")]
    assert tools["small__add"].description == "Add two numbers."


def test_a_tool_that_only_reads_needs_nobody_and_any_other_a_human(tools: dict[str, Tool]):
    reads, pays = tools["small__add"], tools["small__pay"]
    assert (reads.effect, reads.approval, reads.untrusted) == (False, False, True)
    assert (pays.effect, pays.approval, pays.untrusted) == (True, True, True)


def test_a_servers_tool_is_used(tools: dict[str, Tool]):
    assert run(tools["small__add"], a=2, b=3) == "5"
    assert run(tools["small__odd_name_of_a-tool"]) == "one\ntwo"


def test_a_server_is_told_the_key_that_stays(tools: dict[str, Tool]):
    assert run(tools["small__pay"], amount=2.5) == "paid 2.5 for task_1/r2-0"


def test_a_bad_call_is_refused_before_the_server_hears_of_it(tools: dict[str, Tool]):
    with pytest.raises(
        Invalid, match='a: must be of the type "integer"; c: is no argument of this tool; allowed: a, b'
    ):
        run(tools["small__add"], a="two", c=1)


def test_the_failure_of_a_servers_tool_is_a_reply(tools: dict[str, Tool]):
    assert run(tools["small__broken"]).startswith("The tool failed: ")


def test_a_reply_that_is_too_long_is_not_read_to_its_end(tools: dict[str, Tool]):
    with pytest.raises(RetryLater, match="No reply came"):
        run(tools["small__huge"])


def test_a_server_that_takes_too_long_is_left(server: Toolserver):
    started = time.monotonic()
    with pytest.raises(RetryLater, match="No reply came"):
        replace(server, seconds=1).call("slow", {}, key="")
    assert time.monotonic() - started < 5


def test_a_server_that_cannot_be_asked_has_no_tools_and_hinders_no_other(server: Toolserver):
    away = replace(server, name="away", url="http://127.0.0.1:1/mcp")
    stranger = replace(server, name="stranger", token=lambda: "")
    lost = replace(server, name="lost", url=server.url + "/elsewhere")
    found = [tool.name for tool in of_servers([away, stranger, lost, server], most=2)]
    assert found == ["small__add", "small__pay"]


class Offering:
    """A server that has these tools."""

    name = "odd"

    def __init__(self, *offers: Offer) -> None:
        self.offers = offers

    def tools(self, *, most: int) -> list[Offer]:
        return [*self.offers][:most]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "nothing"}}},
        {"type": "object", "description": "x" * 9_000},
        {"type": "object", "$defs": {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(20)}},
    ],
)
def test_a_tool_whose_schema_cannot_be_used_is_left_out(schema: dict[str, Any]):
    good = Offer(name="good", input_schema={"type": "object"}, annotations=ToolAnnotations(title="no hint"))
    found = [*of_servers([Offering(Offer(name="bad", input_schema=schema), good)], most=9)]  # type: ignore[list-item]
    assert [(tool.name, tool.approval) for tool in found] == [("odd__good", True)]


def test_a_pattern_of_a_server_is_not_run():
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    [tool] = of_servers([Offering(Offer(name="slow", input_schema=schema))], most=9)  # type: ignore[list-item]
    assert tool.check({"a": "a" * 5_000 + "!"})


def test_tools_of_all_kinds_are_found_by_name_and_ours_come_first(server: Toolserver, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOOL_FUNCTIONS", json.dumps([STOCK, STOCK | {"name": "calculate"}]))
    monkeypatch.setenv("MCP_SERVERS", json.dumps([{"name": "small", "url": server.url, "secret": "token"}]))
    monkeypatch.setattr(clients, "_secret", lambda name, of: {"token": "secret"}[name])
    settings.cache_clear()
    clients._foreign.cache_clear()
    try:
        tools = clients.tools()
        assert {"stock", "small__add", "calculate"} <= tools.keys()
        assert not tools["calculate"].foreign
        assert run(tools["small__add"], a=1) == "2"
    finally:
        settings.cache_clear()
        clients._foreign.cache_clear()
