"""Request-response: find what a tenant's documents say about a question, and answer with checked citations."""
