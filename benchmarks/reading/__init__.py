"""Parts of benchmarks/extraction.py."""
