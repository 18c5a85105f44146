"""One namespace in memory: records in slots, with their dense rows, sparse postings and filter masks.
Deleted slots are used again. Calls that write need the store's write lock, all others its read lock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from local.vectors.filters import Filter
from local.vectors.masks import Masks
from local.vectors.postings import Postings
from local.vectors.records import Flags, Floats, Match, Page, Record, Sparse
from local.vectors.rows import Rows


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for: a dense vector, a sparse one or both, whose scores are then added."""

    dense: Floats | None
    sparse: Sparse | None
    top_k: int
    filter: Filter | None
    with_values: bool


class Namespace:
    def __init__(self, rows: Rows | None) -> None:
        """`rows` is None in a sparse index."""
        self._rows = rows
        self._postings = Postings()
        self._masks = Masks()
        self._slots: dict[str, int] = {}
        self._entries: list[Record | None] = []  # by slot, without the dense values
        self._alive = bytearray()
        self._free: list[int] = []
        self._ordered: list[str] | None = None

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._slots

    # -- writing

    def put(self, records: Iterable[Record]) -> None:
        """Adds records or replaces those of the same id. The ids are distinct."""
        added: list[tuple[int, Sparse]] = []
        replaced: list[tuple[int, Sparse]] = []
        for record in records:
            slot = self._slots.get(record.id)
            if slot is None:
                slot = self._take_slot(record.id)
            elif (former := self._entries[slot]) is not None and former.sparse is not None:
                replaced.append((slot, former.sparse))
            self._write(slot, record)
            if record.sparse is not None:
                added.append((slot, record.sparse))
        self._postings.remove(replaced)
        self._postings.extend(added)

    def discard(self, ids: Iterable[str]) -> None:
        """Deletes records; ids that are not there are ignored."""
        removed: list[tuple[int, Sparse]] = []
        for record_id in ids:
            slot = self._slots.pop(record_id, None)
            if slot is None:
                continue
            entry, self._entries[slot] = self._entries[slot], None
            self._alive[slot] = False
            self._free.append(slot)
            if entry is not None and entry.sparse is not None:
                removed.append((slot, entry.sparse))
        self._postings.remove(removed)
        self._ordered = None

    def _take_slot(self, record_id: str) -> int:
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self._entries)
            self._entries.append(None)
            self._alive.append(False)
        self._slots[record_id] = slot
        self._ordered = None
        return slot

    def _write(self, slot: int, record: Record) -> None:
        if self._rows is not None and record.values is not None:
            self._rows.write(slot, record.values)
        self._entries[slot] = Record(record.id, None, record.sparse, record.metadata)
        self._alive[slot] = True
        self._masks.update(slot, record.metadata)

    # -- reading

    def get(self, record_id: str) -> Record | None:
        slot = self._slots.get(record_id)
        return None if slot is None else self._record(slot)

    def count(self, wanted: Filter | None) -> int:
        return len(self) if wanted is None else int(self._eligible(wanted).sum())

    def ids(self, wanted: Filter) -> list[str]:
        """The ids of all records that match a filter."""
        return [self._entry(slot).id for slot in np.flatnonzero(self._eligible(wanted)).tolist()]

    def page_of_ids(self, prefix: str, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Up to `limit` ids in order, and whether there are more."""
        ordered = self._in_order()
        start = max(bisect_left(ordered, prefix), 0 if after is None else bisect_right(ordered, after))
        found = list(islice(_prefixed(ordered, start, prefix), limit + 1))
        return found[:limit], len(found) > limit

    def page_of_records(self, wanted: Filter, after: str | None, limit: int) -> Page:
        """Up to `limit` records that match a filter, in the order of their ids."""
        eligible = self._eligible(wanted)
        ordered = self._in_order()
        start = 0 if after is None else bisect_right(ordered, after)
        slots = (self._slots[record_id] for record_id in islice(ordered, start, None))
        found = [self._record(slot) for slot in islice((slot for slot in slots if eligible[slot]), limit + 1)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def search(self, query: Query) -> list[Match]:
        """The best matches, best first; equal scores in the order of the ids."""
        scores, eligible = self._scores(query), self._eligible(query.filter)
        if query.dense is None:
            eligible &= scores != 0  # a sparse query finds what shares a term with it
        slots = np.flatnonzero(eligible)
        if len(slots) > query.top_k:
            slots = slots[np.argpartition(scores[slots], -query.top_k)[-query.top_k :]]
        ranked = sorted((-float(scores[slot]), self._entry(slot).id, slot) for slot in slots.tolist())
        return [Match(self._record(slot, query.with_values), -score) for score, _, slot in ranked]

    def _scores(self, query: Query) -> Floats:
        count = len(self._entries)
        scores = np.zeros(count, np.float32)
        if query.dense is not None and self._rows is not None:
            scores = self._rows.scores(query.dense, count)
        if query.sparse is not None:
            scores = scores + self._postings.scores(query.sparse, count)
        return scores

    def _eligible(self, wanted: Filter | None) -> Flags:
        alive = np.frombuffer(self._alive, np.bool_).copy()
        if wanted is not None:
            alive &= self._masks.flags(wanted, (entry.metadata if entry else None for entry in self._entries))
        return alive

    def _in_order(self) -> list[str]:
        if self._ordered is None:
            self._ordered = sorted(self._slots)
        return self._ordered

    def _entry(self, slot: int) -> Record:
        entry = self._entries[slot]
        assert entry is not None
        return entry

    def _record(self, slot: int, with_values: bool = True) -> Record:
        entry = self._entry(slot)
        return replace(entry, values=self._rows.read(slot)) if with_values and self._rows is not None else entry


def _prefixed(ordered: list[str], start: int, prefix: str) -> Iterator[str]:
    for record_id in islice(ordered, start, None):
        if not record_id.startswith(prefix):
            return
        yield record_id
