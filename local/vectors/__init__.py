"""An offline vector server that speaks Pinecone's data plane and inference API.
Run it with `python -m local.vectors --port 4568 --data DIR`; README.md says how to point a client at it."""

import os

# Before anything imports numpy: the scan in rows.py splits its work over the cores by itself. OpenBLAS's own threads
# wait for each other in a busy loop, which takes the cores from the client on the same machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
