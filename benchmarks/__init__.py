"""The benchmarks. They import the package of the core layer from where it lies."""

import sys

from local.setup import ROOT

sys.path.insert(0, str(ROOT / "layers/core"))
