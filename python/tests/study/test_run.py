"""How a run ends, whatever the program does. The programs are small scripts that do just that."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import kindling
from kindling import _surroundings
from kindling._run import Run

COUNTS = {"waiting": 0, "running": 0, "complete": 0, "pruned": 0, "fail": 2}
STUDY = {
    "counts": COUNTS,
    "best": None,
    "trials_per_hour": None,
    "seconds_left": None,
    "pause_reason": None,
    "failures": [{"reason": "ValueError: x", "trials": 2, "newest": 1}],
}


def _program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> str:
    path = folder / "program"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    monkeypatch.setenv("KINDLING_PROGRAM", str(path))
    return str(path)


def _says(**event: Any) -> str:
    return f"echo '{json.dumps(event)}'\n"


def _run() -> None:
    space = {"x": kindling.Float(0, 1)}
    kindling.Study("mine", lambda trial: 1, direction="minimize", trials=2, space=space).run(progress=False)


@pytest.mark.parametrize(
    ("script", "says", "status"),
    [
        ("echo 'error: no room' >&2; exit 1", "ended with status 1.*\nerror: no room", 1),
        ("kill -9 $$", "was killed by SIGKILL; `study.run\\(\\)` goes on", -9),
        (
            _says(event="error", error="the store is damaged", hint="restore it") + "exit 1",
            "^the store is damaged\nhint: restore it$",
            1,
        ),
        (_says(event="error", error="no module `x`", hint=None) + "exit 78", "^no module `x`$", 78),
        (_says(event="result", study=STUDY) + "exit 3", "no trial is complete\n2 of them: ValueError: x$", 3),
        (
            _says(event="result", study={**STUDY, "pause_reason": "20 in a row"}) + "exit 3",
            "paused: 20 in a row\n2 .*\nhint: mend",
            3,
        ),
        ("exit 130", "told from outside to end", 130),
    ],
)
def test_a_run_that_fails_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, script: str, says: str, status: int
) -> None:
    _program(folder, monkeypatch, script)
    with pytest.raises(kindling.RunFailed, match=says) as failed:
        _run()
    assert failed.value.status == status


def test_events_that_are_unknown_and_lines_that_are_none_are_ignored(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(
        folder,
        monkeypatch,
        _says(event="new", x=1) + "echo junk; echo '[1]'; echo '{}'; printf '\\377\\n'; printf 'no end'",
    )
    _run()


def test_a_program_that_cannot_be_executed_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(_program(folder, monkeypatch, ""))
    path.write_bytes(b"\x7fELF nonsense")
    with pytest.raises(kindling.KindlingError, match="program cannot be started"):
        _run()


def test_who_looks_while_the_run_makes_its_store_sees_no_trials(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makes = "if [ $1 = run ]; then : > mine.db; while [ ! -e go ]; do sleep 0.01; done; exit 0; fi\n"
    _program(folder, monkeypatch, makes + "echo 'error: a store that was not made to its end' >&2; exit 1")
    space = {"x": kindling.Float(0, 1)}
    study = kindling.Study("mine", lambda trial: 1, direction="minimize", trials=2, space=space)
    seen: list[Any] = []

    def look() -> None:
        try:
            end = time.monotonic() + 30
            while not study.store.exists() and time.monotonic() < end:
                time.sleep(0.01)
            seen.append((study.trials, study.is_finished))
        finally:
            (folder / "go").touch()

    looking = threading.Thread(target=look)
    looking.start()
    study.run(progress=False)
    looking.join()
    assert seen == [([], False)]
    # Afterwards it is no store.
    with pytest.raises(kindling.KindlingError, match="not made to its end"):
        study.trials  # noqa: B018


def test_the_objectives_python_is_the_callers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(
        folder,
        monkeypatch,
        'command -v python3 > python; printf %s "$PYTHONPATH" > path; pwd > cwd; printf \'%s\n\' "$@" > words',
    )
    monkeypatch.setattr(sys, "path", ["", str(folder / "lib"), *sys.path])
    (folder / "lib").mkdir()
    _run()
    assert Path((folder / "python").read_text().strip()).parent == Path(sys.executable).parent
    assert (folder / "path").read_text().split(os.pathsep)[:2] == [str(folder), str(folder / "lib")]
    assert "site-packages" not in (folder / "path").read_text()
    assert (folder / "cwd").read_text().strip() == str(folder)
    words = (folder / "words").read_text().splitlines()
    store = f"--store={folder / 'mine.db'}"
    assert words == ["run", "--events", "--stop-with-stdin", store, "--", str(folder / "mine.db.study.toml")]
    assert "interpreter" not in (folder / "mine.db.study.toml").read_text()


def test_options_become_those_of_the_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(folder, monkeypatch, "printf '%s\n' \"$@\" > words")
    study = kindling.Study("-x", lambda trial: 1, direction="minimize", trials=2, space={"x": kindling.Float(0, 1)})
    study.run(
        workers=3, slots=2, threads=1, device="cuda:0", trials=7, http="127.0.0.1:0", data_dir="d", progress=False
    )
    words = (folder / "words").read_text().splitlines()[4:-2]
    assert words == [
        "--workers=3",
        "--slots=2",
        "--threads=1",
        "--device=cuda:0",
        "--trials=7",
        f"--data-dir={folder / 'd'}",
        "--http=127.0.0.1:0",
    ]


def test_the_metric_that_counts_becomes_a_setting_of_the_objective(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(folder, monkeypatch, "exit 0")
    options: dict[str, Any] = {"direction": "minimize", "trials": 2, "space": {"x": kindling.Float(0, 1)}}
    for metric, said in ("val acc", '\nmetric = "val acc"\n'), (None, ""):
        kindling.Study("mine", lambda trial: 1, metric=metric, **options).run(progress=False)
        written = (folder / "mine.db.study.toml").read_text()
        assert said in written
        assert ("metric" in written) == bool(metric)
    for odd in ("", 3, ["loss"]):
        with pytest.raises(kindling.KindlingError, match="metric is the name of what the function reports"):
            kindling.Study("mine", lambda trial: 1, metric=odd, **options)  # type: ignore[arg-type]


def test_an_interpreter_that_python3_would_not_find_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _surroundings.interpreter() is None
    lonely = folder / "python"
    lonely.symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setattr(sys, "executable", str(lonely))
    assert _surroundings.interpreter() == str(lonely)


def _interrupted_by(folder: Path, at: str) -> threading.Thread:
    """Interrupts this process, as Ctrl-C does, once the file is there."""

    def interrupt() -> None:
        end = time.monotonic() + 30
        while not (folder / at).exists() and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread


def test_the_first_interrupt_drains_and_is_passed_on_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    _program(
        folder,
        monkeypatch,
        "trap 'echo x >> interrupts; exit 130' INT\ntouch ready\nfor _ in $(seq 3000); do sleep 0.01; done\n",
    )
    thread = _interrupted_by(folder, "ready")
    with pytest.raises(KeyboardInterrupt):
        _run()
    thread.join()
    assert (folder / "interrupts").read_text() == "x\n"
    assert "interrupted; nothing is lost" in capsys.readouterr().err


def test_an_interrupt_while_the_program_starts_is_not_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "trap 'touch interrupted; exit 130' INT\ntouch ready\nfor _ in $(seq 3000); do sleep 0.01; done\n"
    program = _program(folder, monkeypatch, script)
    run = Run([program], folder, os.environ)
    signal.raise_signal(signal.SIGINT)
    with run:
        while not (folder / "ready").exists():
            time.sleep(0.01)
        with pytest.raises(KeyboardInterrupt):
            next(run.events())
        run.interrupt()
        assert run.end() == 130
    assert (folder / "interrupted").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_reaches_the_program_and_a_third_ends_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "n=0\ntrap 'n=$((n+1)); touch got$n' INT\ntouch got0\nfor _ in $(seq 3000); do sleep 0.01; done\n"
    _program(folder, monkeypatch, script)
    threads = [_interrupted_by(folder, at) for at in ("got0", "got1", "got2")]
    with pytest.raises(kindling.RunFailed, match="SIGKILL"):
        _run()
    for thread in threads:
        thread.join()


def test_an_error_here_closes_the_programs_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = _program(folder, monkeypatch, "cat > /dev/null; touch ended\n")
    with pytest.raises(ZeroDivisionError), Run([program], folder, os.environ):
        raise ZeroDivisionError
    assert (folder / "ended").exists()


def test_the_program_has_a_session_of_its_own_so_that_a_terminal_interrupts_it_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(folder, monkeypatch, "cat > /dev/null\n")
    with Run([program], folder, os.environ) as run:
        assert os.getsid(run._process.pid) == run._process.pid != os.getsid(0)


def test_a_grandchild_that_holds_the_pipes_holds_up_nothing_of_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(folder, monkeypatch, "sleep 20 & echo $! > pid\n")
    with Run([program], folder, os.environ) as run:
        assert run.end() == 0
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
