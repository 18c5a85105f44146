"""The command line of the vector server: `python -m local.vectors --port 4568 --data DIR`.
What keeps it from starting is one sentence on stderr and exit code 1."""

from __future__ import annotations

import gc
import socket
import sys
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path

import uvicorn

from local.vectors.app import create_app
from local.vectors.errors import DataFolderError

# Longer than any client keeps an idle connection: the server must not close one that a request is under way on.
KEEP_ALIVE_SECONDS = 600

# A fetch carries its ids in the URL.
HEADER_BYTES = 1024 * 1024


def main() -> int:
    options = parse_arguments()
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]  # without the address, which Python repeats there
        print(f"Cannot listen on {options.host}:{options.port}: {reason}.", file=sys.stderr)
        return 1
    gc.disable()  # loading allocates much and frees nothing: collections would only walk it over and over
    try:
        app = create_app(options.data, options.metric)
    except DataFolderError as error:
        listener.close()
        print(error, file=sys.stderr)
        return 1
    gc.freeze()
    gc.enable()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
    )
    host, port = listener.getsockname()[:2]
    print(f"Vector server: http://{host}:{port}", flush=True)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    return 0


def parse_arguments() -> Namespace:
    parser = ArgumentParser(prog="python -m local.vectors", description="An offline server for the Pinecone client.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4568)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the index, made if it is missing")
    parser.add_argument(
        "--metric", choices=["cosine", "dotproduct"], help="of a new index (cosine); an existing one keeps its own"
    )
    return parser.parse_args()


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=2048)
    # asyncio does this for sockets that it made itself; without it each response waits 40 ms for a delayed ACK
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


if __name__ == "__main__":
    sys.exit(main())
