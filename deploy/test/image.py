"""The slim image around a program that was compiled on the host, and the proof that the image's own build would have
had all that this program was compiled from.

Compiling once more inside of the image takes as long as all that is tested on it, and makes the same program of the same
files. What could go wrong there is that the build's context (`.dockerignore`) lacks a file: that is looked at here.
"""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "kindling:slim"
PROGRAM = "kindling-test:program"


def build(program: Path) -> None:
    """Tags the image as compose expects it. `program` is Cargo's `…/release/kindling`, with its list of sources beside it."""
    with tempfile.TemporaryDirectory() as folder:
        context, stage = Path(folder, "context"), Path(folder, "stage")
        export_context(context)
        missing = [path for path in sources(program) if not (context / path).is_file()]
        assert not missing, f"not in the image's build context, see .dockerignore: {missing}"
        (stage / "out").mkdir(parents=True)
        shutil.copy2(program, stage / "out/kindling")
        subprocess.run(["strip", stage / "out/kindling"], check=True)
        docker("build", "-f", "-", "-t", PROGRAM, stage, stdin="FROM scratch\nCOPY out /out\n")
        docker("build", "-f", "-", "--target", "slim", "-t", IMAGE, ROOT, stdin=dockerfile())


def dockerfile() -> str:
    """The Dockerfile with an image that has the program in place of the stage that compiles it."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    text, replaced = re.subn(r"(?s)FROM source AS slim-build\n.*?(?=\nFROM )", f"FROM {PROGRAM} AS slim-build\n", text)
    assert replaced == 1, "where is the stage `slim-build`?"
    return text


def export_context(folder: Path) -> None:
    """Writes what a build of this repository is given."""
    docker("build", "-f", "-", "--output", folder, ROOT, stdin="FROM scratch\nCOPY . /\n")


def sources(program: Path) -> list[Path]:
    """What the program was compiled from, relative to the repository: sources, what they include, and manifests."""
    rule = program.with_suffix(".d").read_text()
    _, inputs = rule.split(": ", 1)
    files = [Path(path) for path in inputs.split()]
    command = ["cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1"]
    workspace = json.loads(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)
    files += [Path(package["manifest_path"]) for package in workspace["packages"]] + [ROOT / "Cargo.lock"]
    # A build script may look at a whole folder.
    files += [file for path in files if path.is_dir() for file in path.rglob("*") if file.is_file()]
    return sorted({path.relative_to(ROOT) for path in files if path.is_relative_to(ROOT) and not path.is_dir()})


def docker(*args, stdin: str | None = None) -> None:
    done = subprocess.run(["docker", *map(str, args)], input=stdin, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
