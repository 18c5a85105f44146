"""Quadrille's own function `ask/answer` in this process, from the gateway's event to its response.

`python -m benchmarks.asking.ours <tenant> <collection> <mode>`, with the environment the deployed function has.
"""

import json
import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from benchmarks.asking.peer import TOP_K, serve
from local.stack.places import ROOT


class Ours:
    def __init__(self, tenant: str, collection: str, mode: str) -> None:
        self._tenant = tenant
        self._asked = {"collection": collection, "mode": mode, "top_k": TOP_K}
        spec = spec_from_file_location("app", ROOT / "functions/ask/answer/app.py")
        assert spec
        assert spec.loader
        self._app = module_from_spec(spec)
        spec.loader.exec_module(self._app)
        self._event = json.loads((ROOT / "events/ask/answer/question.json").read_text())

    def index(self, texts: Mapping[str, str]) -> None:
        """They came through the pipeline."""

    def ask(self, question: str) -> str:
        context = self._event["requestContext"] | {"requestId": str(uuid4())}
        context["authorizer"] = {"tenant": self._tenant, "key_id": "0000000000000000", "scopes": "ask"}
        event = self._event | {"body": json.dumps(self._asked | {"question": question}), "requestContext": context}
        response = self._app.lambda_handler(event, _context())
        assert response["statusCode"] == 200, response["body"]
        return str(response["body"])


def _context() -> Any:
    """What Lambda gives a function of 28 seconds, as far as it is looked at."""
    about = {"function_name": "ask", "memory_limit_in_mb": 1_024, "invoked_function_arn": "arn", "aws_request_id": "1"}
    return SimpleNamespace(**about, get_remaining_time_in_millis=lambda: 28_000)


if __name__ == "__main__":
    serve(lambda: Ours(*sys.argv[1:]))
