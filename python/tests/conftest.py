"""What all tests share."""

import os
from pathlib import Path

# Scripts that the tests start find the package, too.
os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
