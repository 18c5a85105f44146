"""Fan-out and join: which parts of a version's work are done, and whether it was the last one that came in.

What is done is a set in the document's row, so a part that is delivered twice is counted once. Embedding batches are
numbered. A summary is a tree: part `p` of level `l + 1` is made of up to `FAN_IN` parts of level `l`, and the last
level has one part, which is the summary of the document.
"""

from collections.abc import Iterator

from quadrille.rows import Row

FAN_IN = 8

Part = tuple[int, int]  # level and number


def levels(parts: int) -> list[int]:
    """How many parts each level of a summary has, out of so many of the lowest."""
    counts = [parts] if parts else []
    while counts and counts[-1] > 1:
        counts.append(-(-counts[-1] // FAN_IN))
    return counts


def key_of(part: Part) -> str:
    """A part's name in the row's set."""
    return f"{part[0]}-{part[1]}"


def children(row: Row, part: Part) -> list[Part]:
    """The parts that a part above the lowest level is made of."""
    level, number = part
    below = levels(int(row["summary_parts"]))[level - 1]
    return [(level - 1, child) for child in range(number * FAN_IN, min(below, (number + 1) * FAN_IN))]


def is_last(row: Row, part: Part) -> bool:
    """Whether a part is the summary of the whole document."""
    return part[0] == len(levels(int(row["summary_parts"]))) - 1


def open_parts(row: Row) -> list[Part]:
    """The parts of a summary that are not done and can be begun."""
    return [part for part in _all_parts(row) if key_of(part) not in row["summaries"] and is_ready(row, part)]


def is_ready(row: Row, part: Part) -> bool:
    """Whether everything a part is made of is done."""
    return not part[0] or all(key_of(child) in row["summaries"] for child in children(row, part))


def complete(row: Row) -> bool:
    """Whether all batches are embedded and the summary, if there is to be one, is made."""
    return len(row["batches"]) == row["batches_total"] and len(row["summaries"]) == sum(
        levels(int(row["summary_parts"]))
    )


def unsummarized(row: Row) -> list[dict[str, str]]:
    """The parts that could not be summarized, as the document lists them."""
    reasons = ((key, reason) for key, reason in sorted(row["summaries"].items()) if reason)
    return [{"summary": key, "reason": reason} for key, reason in reasons]


def _all_parts(row: Row) -> Iterator[Part]:
    for level, count in enumerate(levels(int(row["summary_parts"]))):
        yield from ((level, number) for number in range(count))
