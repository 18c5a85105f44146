"""An offline vector server that speaks Pinecone's data plane and inference API.
Run it with `python -m local.vectors --port 4568 --data DIR`; README.md says how to point a client at it."""
