"""The room system: what was spent, and what may be."""
