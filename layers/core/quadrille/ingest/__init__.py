"""Pipeline: a dropped file becomes text, chunks, embeddings and searchable vectors, one queue per stage."""
