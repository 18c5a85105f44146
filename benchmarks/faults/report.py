"""The tables a run ends with."""

from collections.abc import Callable

from benchmarks.faults.outcome import Outcome

_ROWS: dict[str, Callable[[Outcome], str]] = {
    "messages": lambda o: f"{o.messages:,}",
    "deliveries": lambda o: f"{o.deliveries:,}",
    "of which killed": lambda o: f"{o.ended['killed']:,}",
    "of which overtaken": lambda o: f"{o.overtaken:,}",
    "bills": lambda o: f"{o.bills:,}",
    "bills a unit": lambda o: f"{o.bills / o.messages:.4f}",
    "in the window: reply lost": lambda o: f"{o.lost_replies:,}",
    "in the window: killed": lambda o: f"{o.lost_by_kills:,}",
    "factor outside the window": lambda o: f"{o.factor:.4f}",
    "units lost": lambda o: f"{o.units_lost:,}",
    "duplicate effects": lambda o: f"{o.duplicate_effects:,}",
    "AWS writes a bill": lambda o: f"{o.writes / o.bills:.2f}",
    "seconds": lambda o: f"{o.seconds:.0f}",
}


def print_table(outcomes: list[Outcome]) -> None:
    """A column for each handler."""
    print(f"\n{'':28}" + "".join(f"{outcome.handler:>16}" for outcome in outcomes))
    for name, shown in _ROWS.items():
        print(f"{name:28}" + "".join(f"{shown(outcome):>16}" for outcome in outcomes))


def print_ends(outcomes: list[Outcome]) -> None:
    """How the deliveries of each handler ended."""
    print()
    for outcome in outcomes:
        ends = ", ".join(f"{count:,} {end}" for end, count in sorted(outcome.ended.items()))
        print(f"{outcome.handler} deliveries: {ends}")


def print_books(outcome: Outcome) -> None:
    """What the ledger says beside the provider's bill: never less."""
    books = outcome.books
    print(f"\n{outcome.handler}'s ledger: spent ${books['spent']}, still held ${books['held']}, ", end="")
    print(f"{books['ambiguous']:,} calls ambiguous; the provider billed ${books['billed']}, ", end="")
    print(f"{outcome.window:,} of its bills were in the window")
