"""An offline stand-in for OpenAI's HTTP API: deterministic, extractive, no network and no weights.
Run it with `python -m local.models --port 4567`; any non-empty API key is accepted, except `invalid`."""
