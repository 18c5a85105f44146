"""The controller of the local stack: its sentences, and what it hands to sam and to Docker."""

import socket
import subprocess

import pytest

from local.stack import functions, invocation, processes
from local.stack.commands import main
from local.stack.deploy import dotenv_parameters, overrides_of, variables
from local.stack.places import Ports, Stop
from tests.template import TEMPLATE


def test_a_port_in_use_is_one_sentence_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Stop, match=rf"Port {port} is in use.*PORT="):
            processes._require_free(port)


def test_a_stack_that_runs_already_is_one_sentence_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "running", lambda: True)
    with pytest.raises(Stop, match=r"already running.*make down"):
        processes.require_none()


def test_an_unknown_command_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fly"]) == 2
    assert "run|up|down" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["stage=embed", "consumer=start_task"], ["embed"]])
def test_a_redrive_of_nobody_or_of_two_says_what_to_name(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redrive", *options]) == 1
    assert "STAGE=embed or CONSUMER=start_task" in capsys.readouterr().err


def test_ports_move_together() -> None:
    assert Ports.from_first(5566) == Ports(5566, 5567, 5568)


def test_every_parameter_a_deployer_may_vary_has_a_variable() -> None:
    made = {"PythonRuntime", "Architecture", "AwsEndpointUrl", "ApiId", "WebSocketEndpoint"}
    assert set(variables().values()) | made == set(TEMPLATE["Parameters"])
    assert (variables()["OPENAI_BASE_URL"], variables()["TASKS_AT_ONCE"]) == ("OpenAIBaseUrl", "TasksAtOnce")
    assert dotenv_parameters({"TASKS_AT_ONCE": "3", "AWS_ENDPOINT_URL": "x"}) == {"TasksAtOnce": "3"}


def test_a_function_or_event_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(Stop, match="ask/answer, ask/completions"):
        functions.event("ask/nothing", "")
    with pytest.raises(Stop, match=r"missing_scope, question"):
        functions.event("ask/answer", "nothing")
    assert functions.event("ask/answer", "question").name == "question.json"


def test_a_pinecone_key_without_an_index_is_refused_with_the_name_to_add() -> None:
    with pytest.raises(Stop, match="PINECONE_INDEX_HOST"):
        dotenv_parameters({"PINECONE_API_KEY": "k"})


def test_parameters_with_quotes_reach_sam_whole() -> None:
    assert overrides_of({"P": '{"a": "b"}'}) == ['P="{\\"a\\": \\"b\\"}"']


def test_a_container_reaches_this_machine_by_another_name() -> None:
    assert invocation._from_container("http://localhost:4566/x") == "http://host.docker.internal:4566/x"
    assert invocation._from_container("http://127.0.0.1:4567/v1") == "http://host.docker.internal:4567/v1"


def test_a_process_that_was_given_an_old_number_is_not_ours() -> None:
    with subprocess.Popen(["sleep", "30"]) as stranger:
        try:
            assert not processes._is_ours(stranger.pid)
        finally:
            stranger.kill()
