"""`python -m local.models`: serves the offline models until it is told to stop.
The port is bound here, not by uvicorn, so that a taken one ends in a sentence and not in a traceback."""

import argparse
import errno
import socket
import sys
from contextlib import suppress

import uvicorn

from local.models.app import create_app

SECONDS_FOR_OPEN_REQUESTS = 1


def main() -> int:
    options = parse_options()
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        print(explain(error, options.host, options.port), file=sys.stderr)
        return 1
    config = uvicorn.Config(
        create_app(options.pace),
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=SECONDS_FOR_OPEN_REQUESTS,
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises Ctrl-C again once it has shut down
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.models", description="Offline models behind OpenAI's HTTP API."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=port_number, default=4567, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--pace", type=float, default=0.0, help="seconds before each piece of a stream (default: %(default)s)"
    )
    return parser.parse_args()


def port_number(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """Raises OSError when the address cannot be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.create_server((str(address[0]), port), family=family, backlog=2048)
    # asyncio does this only for sockets that name their protocol; without it every answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is already in use: stop what listens there, or choose another with --port."
    return f"Cannot listen on {host}, port {port}: {error.strerror or error}."


if __name__ == "__main__":
    sys.exit(main())
