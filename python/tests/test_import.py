"""What `import kindling` does."""

import subprocess
import sys


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = "import sys, kindling; print([name for name in sys.modules if name.startswith('kindling.')])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
