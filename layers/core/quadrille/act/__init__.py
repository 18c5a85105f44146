"""The room act: a model decides what to do next, the system how far it may go."""
