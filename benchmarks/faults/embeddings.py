"""What an embeddings endpoint answers in OpenAI's protocol, as floats or base64.
A vector's first component is the number of the bill it was paid with."""

import base64
import struct
from typing import Any


def answer(body: dict[str, Any], *, number: int, tokens: int) -> dict[str, Any]:
    """The answer to a request for one text."""
    row = {"object": "embedding", "index": 0, "embedding": _vector(number, body)}
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": body["model"], "data": [row], "usage": usage}


def _vector(number: int, body: dict[str, Any]) -> Any:
    values = [float(number), *(0.5 for _ in range(body.get("dimensions", 1536) - 1))]
    if body.get("encoding_format") != "base64":
        return values
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
