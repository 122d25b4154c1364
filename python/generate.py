"""Makes kindling/client/_proto/ from the .proto files in /proto.

    python python/generate.py            # writes the files
    python python/generate.py --check    # exit status 1 if what is committed differs

The messages are made by an old protoc on purpose. What protoc 25 makes runs with every later `protobuf` of a user;
what newer ones make refuses to run with any older one, and with any that is two major versions ahead. The wheels of
that protoc are for Python up to 3.12.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

TOOLS = ("grpcio-tools==1.62.3", "mypy-protobuf==3.6.0", "protobuf==4.25.9", "setuptools==75.8.0")

ROOT = Path(__file__).resolve().parents[1]
PROTO = ROOT / "proto"
SOURCES = ("kindling/v1/artifact.proto", "kindling/v1/study.proto", "kindling/v1/worker.proto")
TARGET = ROOT / "python" / "kindling" / "client" / "_proto"
PACKAGE = "kindling.client._proto"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if what is committed differs")
    check = parser.parse_args().check
    files = made()
    if not check:
        TARGET.mkdir(parents=True, exist_ok=True)
        for stale in set(TARGET.glob("*_pb2.py*")) - {TARGET / name for name in files}:
            stale.unlink()
        for name, text in files.items():
            (TARGET / name).write_text(text, encoding="utf-8")
        return 0
    committed = {path.name: path.read_text(encoding="utf-8") for path in TARGET.glob("*_pb2.py*")}
    differing = [name for name in sorted({*files, *committed}) if files.get(name) != committed.get(name)]
    for name in differing:
        before, after = committed.get(name, "").splitlines(), files.get(name, "").splitlines()
        diff = difflib.unified_diff(before, after, f"committed/{name}", f"made/{name}", n=1, lineterm="")
        sys.stderr.writelines(f"{line[:200]}\n" for line in list(diff)[:40])
    if differing:
        sys.stderr.write(f"these are not what /proto makes: {', '.join(differing)}\nhint: python python/generate.py\n")
    return 1 if differing else 0


def made() -> dict[str, str]:
    """The files by name."""
    python = tools()
    environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    with tempfile.TemporaryDirectory() as folder:
        outputs = (f"--python_out={folder}", f"--mypy_out=quiet:{folder}")
        command = [python, "-m", "grpc_tools.protoc", f"-I{PROTO}", *outputs, *SOURCES]
        subprocess.run(command, check=True, env=environment)  # noqa: S603 - our own words
        return {path.name: at_home(path.read_text(encoding="utf-8")) for path in Path(folder).rglob("*_pb2.py*")}


def at_home(text: str) -> str:
    """With imports of where the files are, which is not where their .proto files say."""
    text = re.sub(r"^from kindling\.v1 import ", f"from {PACKAGE} import ", text, flags=re.MULTILINE)
    return text.replace("kindling.v1.study_pb2", f"{PACKAGE}.study_pb2").replace(
        "kindling.v1.worker_pb2", f"{PACKAGE}.worker_pb2"
    )


def tools() -> Path:
    """The interpreter of an environment that holds just the tools, made when first needed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kindling-python" / "proto"
    python, done = cache / "bin" / "python", cache / "tools.txt"
    wanted = "\n".join((sys.version, *TOOLS))
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        venv.create(cache, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS]
        subprocess.run(install, check=True)  # noqa: S603
        done.write_text(wanted, encoding="utf-8")
    return python


if __name__ == "__main__":
    sys.exit(main())
