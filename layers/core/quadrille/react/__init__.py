"""React: events trigger everything else."""
