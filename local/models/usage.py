"""What this server has answered since it started, as a provider would bill it: `GET /usage`, outside OpenAI's paths.
An answer counts also if its caller is gone by then."""

from collections import Counter
from threading import Lock


class Usage:
    """Requests, and what they came to, by kind."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kinds: dict[str, Counter[str]] = {"embeddings": Counter(), "chat": Counter()}

    def add(self, kind: str, **amounts: int) -> None:
        with self._lock:
            self._kinds[kind].update(requests=1, **amounts)

    def report(self) -> dict[str, dict[str, int]]:
        with self._lock:
            return {
                "embeddings": self._of("embeddings", "requests", "inputs", "tokens"),
                "chat": self._of("chat", "requests", "input_tokens", "output_tokens"),
            }

    def _of(self, kind: str, *names: str) -> dict[str, int]:
        return {name: self._kinds[kind][name] for name in names}
