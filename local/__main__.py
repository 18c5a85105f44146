"""What the Makefile calls: `python -m local run`, `up`, `down` and the others of `local/stack/commands.py`."""

import sys

from local.stack.commands import main

sys.exit(main(sys.argv[1:]))
