"""What the Makefile calls: `python -m local run`, `up`, `down`, `test`, `build`, `deploy`, `key`, `secrets`, `invoke`."""

import sys

from local.stack.commands import main

sys.exit(main(sys.argv[1:]))
