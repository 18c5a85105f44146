"""Quadrille: ask your documents, ingest what is dropped in a bucket, and never pay for the same model call twice."""

__version__ = "0.1.0"
