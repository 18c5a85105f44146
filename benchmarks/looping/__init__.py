"""What benchmarks/agent.py measures, a part a module."""
