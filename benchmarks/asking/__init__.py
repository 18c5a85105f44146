"""What benchmarks/ask.py measures, a part a module."""
