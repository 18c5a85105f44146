"""Which slots a filter matches, kept for the filters used last.
A write updates the flags of the slots it touches, so a filter is evaluated over a whole namespace once only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

import numpy as np

from local.vectors.filters import Filter
from local.vectors.records import Flags, Metadata

FILTERS_KEPT = 32


class Masks:
    """Flags by slot for each filter. `flags` is called under the store's read lock, `update` under its write lock;
    the lock in here is for readers that meet in the table."""

    def __init__(self) -> None:
        self._table: OrderedDict[bytes, tuple[Filter, bytearray]] = OrderedDict()
        self._guard = Lock()

    def flags(self, wanted: Filter, slots: Iterable[Metadata | None]) -> Flags:
        """One flag a slot; free slots, whose metadata is None, have an arbitrary one."""
        with self._guard:
            found = self._table.get(wanted.key)
        if found is None:
            found = wanted, bytearray(metadata is not None and wanted.matches(metadata) for metadata in slots)
        with self._guard:
            self._table[wanted.key] = found
            self._table.move_to_end(wanted.key)
            if len(self._table) > FILTERS_KEPT:
                self._table.popitem(last=False)
        return np.frombuffer(found[1], np.bool_).copy()  # a copy: a live view would forbid the bytearray to grow

    def update(self, slot: int, metadata: Metadata) -> None:
        for known, flags in self._table.values():
            if slot == len(flags):
                flags.append(known.matches(metadata))
            else:
                flags[slot] = known.matches(metadata)
