"""`sam local invoke` against the running stack: the function in Docker, all that it calls on this machine."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import Any

from local.stack import functions
from local.stack.build import RUNTIME, sam_environment
from local.stack.places import ROOT, RUN, SAM, Ports, Stop, local_credentials

_HOST = "host.docker.internal"


def invoke(stack: dict[str, Any], function: str, case: str) -> int:
    """Run one function with one of its events. Raises `Stop` if Docker is missing or a name is wrong."""
    event = functions.event(function, case)
    bridge = _bridge_address()
    name = functions.logical_ids()[function]
    variables = functions.environment(stack, function)
    seen_from_container = {key: _from_container(value) for key, value in variables.items()}
    (RUN / "env.json").write_text(json.dumps({name: seen_from_container}))
    command = [SAM, "local", "invoke", name, "-e", event, "--env-vars", RUN / "env.json", "--skip-pull-image"]
    command += ["--parameter-overrides", RUNTIME]
    ports = Ports.from_first(int(stack["aws_endpoint_url"].rsplit(":", 1)[1]))
    with _forwarded(bridge, ports):
        # sam hands on the credentials it runs with.
        environment = {**sam_environment(), **local_credentials()}
        done = subprocess.run(
            [*map(str, command), "--add-host", f"{_HOST}:host-gateway"], cwd=ROOT, env=environment, check=False
        )
    return done.returncode


def _bridge_address() -> str:
    """This machine's address on Docker's bridge. Raises `Stop` if no Docker engine answers."""
    if not shutil.which("docker"):
        raise Stop("`make invoke` runs the function in Docker, which is not installed. `make test` needs none.")
    inspect = ["docker", "network", "inspect", "bridge", "--format", "{{json (index .IPAM.Config 0)}}"]
    answer = subprocess.run(inspect, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise Stop("`make invoke` runs the function in Docker, and no Docker engine answers. Start it and try again.")
    bridge = json.loads(answer.stdout)  # an engine that has run no container yet names no gateway
    return bridge.get("Gateway") or str(next(ip_network(bridge["Subnet"]).hosts()))


def _from_container(value: str) -> str:
    """An address of this machine, as a container sees it."""
    return value.replace("//localhost:", f"//{_HOST}:").replace("//127.0.0.1:", f"//{_HOST}:")


@contextmanager
def _forwarded(address: str, ports: Ports) -> Iterator[None]:
    """Let containers, and nobody else, reach the servers that listen on loopback only.

    Docker Desktop does so by itself: there the bridge is not an address of this machine.
    """
    listeners: list[socket.socket] = []
    for port in (ports.aws, ports.models, ports.vectors):
        with suppress(OSError):
            listeners.append(socket.create_server((address, port)))
    for listener in listeners:
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()


def _accept(listener: socket.socket) -> None:
    with suppress(OSError):  # closed: the invocation is over
        while True:
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", listener.getsockname()[1]))
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
