"""Where a handler stands: its clients, its folder, its limits; and what a handler is."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from benchmarks.faults.clock import VirtualClock
from benchmarks.faults.interactions import Interactions

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

MODEL = "text-embedding-3-small"
DIMENSIONS = 256
BUCKET = "results"
IDEMPOTENCY_TABLE = "idempotency"
SECONDS = 30.0  # what Lambda gives one delivery


@dataclass(frozen=True)
class Stage:
    """What a worker gives its handler. `folder` is a disk that outlives the worker."""

    dynamodb: "DynamoDBClient"
    provider: str
    folder: Path
    clock: VirtualClock
    interactions: Interactions


@dataclass(frozen=True)
class Context:
    """The part of a Lambda context that a handler needs: how long it may go on."""

    deadline: float
    clock: VirtualClock

    def get_remaining_time_in_millis(self) -> int:
        return int((self.deadline - self.clock.now()) * 1_000)


class Handler(Protocol):
    """Handles one message: pays for the embedding of `text` and publishes it. Raises what should be delivered again."""

    def handle(self, unit: str, text: str, context: Context) -> None: ...


@runtime_checkable
class Bookkeeper(Protocol):
    """A handler that keeps books: what it says it spent, in US dollars, beside what the provider billed."""

    def books(self, billed_tokens: int) -> dict[str, Any]: ...
