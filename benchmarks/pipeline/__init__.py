"""What benchmarks/ingest.py measures, a part a module."""
