"""Where the program is, and how files are named."""

import os
import stat
from pathlib import Path

import pytest

from kindling import KindlingError, _program


def _executable(path: Path, text: str = "#!/bin/sh\n") -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_named_program_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named, in_path = _executable(tmp_path / "a" / "kindling"), _executable(tmp_path / "b" / "kindling")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path / "b"))
    monkeypatch.setenv("KINDLING_PROGRAM", named)
    assert _program.find() == named
    monkeypatch.delenv("KINDLING_PROGRAM")
    assert _program.find() == in_path


def test_this_wheels_program_comes_before_that_in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = _executable(tmp_path / "a" / "kindling")
    _executable(tmp_path / "b" / "kindling")
    monkeypatch.delenv("KINDLING_PROGRAM", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "a"))
    monkeypatch.setenv("PATH", str(tmp_path / "b"))
    assert _program.find() == wheels


def test_a_missing_program_is_said_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KINDLING_PROGRAM", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KindlingError, match="pip install kindling-hpo"):
        _program.find()
    monkeypatch.setenv("KINDLING_PROGRAM", str(tmp_path / "gone"))
    with pytest.raises(KindlingError, match=r"KINDLING_PROGRAM is .*gone"):
        _program.find()


def test_what_the_program_says_is_the_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "#!/bin/sh\necho 'error: there is no study' >&2; echo 'hint: look' >&2; exit 1\n"
    monkeypatch.setenv("KINDLING_PROGRAM", _executable(tmp_path / "kindling", script))
    with pytest.raises(_program.ProgramFailed, match=r"^there is no study\nhint: look$"):
        _program.ask("study", "list")


def test_a_command_for_a_store_does_not_go_to_a_coordinator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDLING_COORDINATOR", "http://elsewhere:1")
    assert "KINDLING_COORDINATOR" not in _program.environment()
    assert os.environ["KINDLING_COORDINATOR"]


# The cases of src/named_file.rs.
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("weight-init", "weight-init.db"),
        ("my study", "my study.db"),
        ("50%25", "50%25.db"),
        ("研究", "研究.db"),
        ("$(touch x)", "$(touch x).db"),
        ("-x", "%2Dx.db"),
        ("--help", "%2D-help.db"),
        ("../up", "%2E.%2Fup.db"),
        ("/abs", "%2Fabs.db"),
        ("a/b", "a%2Fb.db"),
        (".", "%2E.db"),
        ("..", "%2E..db"),
        ("a\u202eb", "a%E2%80%AEb.db"),
        ("/" * 512, "%2F" * 66 + ".db"),
    ],
)
def test_a_store_is_named_as_the_program_names_it(name: str, file: str) -> None:
    assert _program.named_after(name, "db") == file


def test_only_the_end_of_what_was_said_is_kept() -> None:
    assert _program.last_lines("a\n\n  \nb \n") == "a\nb"
    assert _program.last_lines("\n".join(map(str, range(100)))).splitlines() == [str(n) for n in range(80, 100)]
    assert len(_program.last_lines("x" * 100_000)) == 4000
