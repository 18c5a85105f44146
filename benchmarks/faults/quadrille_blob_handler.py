"""Quadrille's door as the stage embed uses it: every result is kept in the bucket, and settled after it is there."""

from benchmarks.faults.quadrille_handler import QuadrilleHandler
from benchmarks.faults.stage import Stage


def make(stage: Stage) -> QuadrilleHandler:
    return QuadrilleHandler(stage, as_blob=True)
