"""A provider's double: OpenAI's embeddings, a bill for every request it accepts, and faults by seed.
5 % of the replies are lost on the wire after the bill, 2 % of the requests refused with 429 and 2 % with 503, unbilled.

`python -m benchmarks.faults.provider <seed>` prints its port. A text begins with its unit; what happens to a request
depends on the seed, the unit and how often the unit was seen.
"""

import hashlib
import json
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.faults.embeddings import answer

FIRST_UNIT = "0"  # is never refused nor lost
_LOST, _THROTTLED, _DOWN = 0.05, 0.07, 0.09  # cumulated


class Provider:
    """The provider's books: what each unit was billed, and what its customer never saw."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self.bills: Counter[str] = Counter()
        self.lost = self.refused = self.tokens = 0

    def fate(self, unit: str) -> str:
        """What happens to this request: `accepted`, `lost`, or a status."""
        self._seen[unit] += 1
        digest = hashlib.sha256(f"{self._seed}/{unit}/{self._seen[unit]}".encode()).digest()
        chance = int.from_bytes(digest[:8]) / 2**64 if unit != FIRST_UNIT else 1.0
        if chance < _LOST:
            return "lost"
        return "429" if chance < _THROTTLED else "503" if chance < _DOWN else "accepted"

    def bill(self, unit: str, tokens: int) -> int:
        """Bill the unit. The number is how many bills it has had."""
        self.bills[unit] += 1
        self.tokens += tokens
        return self.bills[unit]

    def tallies(self) -> dict[str, Any]:
        return {"bills": self.bills, "lost": self.lost, "refused": self.refused, "tokens": self.tokens}


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    provider: Provider

    def do_GET(self) -> None:
        self._answer(200, self.provider.tallies())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["input"] if isinstance(body["input"], str) else body["input"][0]
        unit, tokens = text.split()[1], len(text) // 4
        match self.provider.fate(unit):
            case "accepted":
                self._answer(200, answer(body, number=self.provider.bill(unit, tokens), tokens=tokens))
            case "lost":
                self.provider.bill(unit, tokens)
                self.provider.lost += 1
                self.close_connection = True
            case status:
                self.provider.refused += 1
                self._answer(int(status), {"error": {"message": "later", "code": "later"}})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: Any) -> None:
        pass


def main(seed: str) -> None:
    _Endpoint.provider = Provider(seed)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
