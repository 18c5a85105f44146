"""What a run came to: how often each unit was paid, what of that nobody could have avoided, what was done twice."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from benchmarks.faults.interactions import lost_by_the_kill, writes

BEST_FACTOR = 1.002


@dataclass
class Outcome:
    """The tallies of one handler.

    A bill is in the window if its reply was lost on the wire, or its worker was killed before it had written anything
    anywhere: no handler can know of such a reply, and has to ask again.
    """

    handler: str
    messages: int
    deliveries: int = 0
    overtaken: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    bills: int = 0
    lost_replies: int = 0
    lost_by_kills: int = 0
    units_lost: int = 0
    duplicate_effects: int = 0
    writes: int = 0
    seconds: float = 0.0
    books: dict[str, Any] = field(default_factory=dict)

    def add(self, answer: dict[str, Any]) -> None:
        """Count one delivery by its trace."""
        self.deliveries += 1
        self.ended[answer["outcome"]] += 1
        self.writes += writes(answer["trace"])
        self.lost_by_kills += answer["outcome"] == "killed" and lost_by_the_kill(answer["trace"])

    def close(self, tallies: dict[str, Any], effects: Counter[str]) -> None:
        """Take in what the provider and the effects' table say at the end."""
        self.bills, self.lost_replies = sum(tallies["bills"].values()), tallies["lost"]
        self.units_lost = self.messages - len(effects)
        self.duplicate_effects = effects.total() - len(effects)

    @property
    def window(self) -> int:
        return self.lost_replies + self.lost_by_kills

    @property
    def factor(self) -> float:
        """Bills a unit, without those in the window. 1 is the best there is."""
        return (self.bills - self.window) / self.messages

    def misses(self) -> list[str]:
        """The goals of Quadrille that were not met, as sentences."""
        goals = {
            f"it paid more than {BEST_FACTOR} times outside the window": self.factor > BEST_FACTOR,
            "effects were published twice": self.duplicate_effects > 0,
            "units were lost": self.units_lost > 0,
            "the ledger says less than was billed": Decimal(self.books["spent"]) < Decimal(self.books["billed"]),
        }
        return [goal for goal, missed in goals.items() if missed]
