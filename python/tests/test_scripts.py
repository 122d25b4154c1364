"""Scripts as a worker starts them: what the worker is told, and with which status they end."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import python
from worker import Run, Worker, facts

REPORTS = """
import atexit, sys, kindling
atexit.register(lambda: print("cleaned up"))
trial = kindling.current_trial()
for step in range(10):
    trial.report(0.5 + step, step)
trial.complete(trial.params["lr"])
"""


@pytest.fixture
def run() -> Run:
    return Run(facts(lr=0.01))


@pytest.fixture
def worker(folder: Path, run: Run):
    with Worker(folder, one=run) as worker:
        yield worker


def test_a_script_reports_and_completes(folder: Path, run: Run, worker: Worker) -> None:
    ended = python(REPORTS, folder, worker.environment())
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "cleaned up\n")
    assert len(run.reports) == 10
    assert run.result == {"state": "complete", "values": ["0.01"]}


def test_a_script_runs_alone_as_well(folder: Path) -> None:
    ended = python(REPORTS.replace("trial()", "trial({'lr': 0.5})"), folder)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-3:] == ["step 9: 9.5", "value: 0.5", "cleaned up"]


def test_a_script_that_is_pruned_ends_so_with_status_0(folder: Path, run: Run, worker: Worker) -> None:
    run.prune_at = 4
    ended = python(REPORTS, folder, worker.environment())
    assert (ended.returncode, ended.stderr) == (0, "kindling: pruned at step 4\n")
    assert ended.stdout == "cleaned up\n"
    assert run.result == {"state": "pruned"}


def test_a_script_prunes_by_its_own_judgement(folder: Path, run: Run, worker: Worker) -> None:
    code = "import kindling\nkindling.current_trial()\nraise kindling.TrialPruned('it diverged')"
    ended = python(code, folder, worker.environment())
    assert (ended.returncode, ended.stderr) == (0, "kindling: it diverged\n")
    assert run.result == {"state": "pruned"}


def test_optunas_exception_prunes_as_well(folder: Path, run: Run, worker: Worker) -> None:
    (folder / "optuna").mkdir()
    (folder / "optuna/__init__.py").write_text("class TrialPruned(Exception): pass")
    code = "import kindling, optuna\nkindling.current_trial()\nraise optuna.TrialPruned"
    assert python(code, folder, worker.environment()).returncode == 0
    assert run.result == {"state": "pruned"}


def test_a_script_that_is_stopped_hands_back_and_says_why(folder: Path, run: Run, worker: Worker) -> None:
    run.verdict = {"verdict": "stop", "reason": "the worker ends"}
    ended = python(REPORTS, folder, worker.environment())
    assert (ended.returncode, ended.stderr) == (75, "kindling: stopped: the worker ends\n")
    assert ended.stdout == "cleaned up\n"
    assert run.result is None


def test_a_script_that_nobody_stopped_fails(folder: Path, run: Run, worker: Worker) -> None:
    code = "import kindling\nkindling.current_trial()\nraise kindling.TrialStopped('mine')"
    ended = python(code, folder, worker.environment())
    assert ended.returncode == 1
    assert ended.stderr.startswith("kindling: the worker did not stop this trial, so it failed\nTraceback")
    assert ended.stderr.endswith("\nkindling.TrialStopped: mine\n")
    assert run.result is None


def test_a_script_hands_back_what_another_of_its_processes_heard(folder: Path, run: Run, worker: Worker) -> None:
    run.verdict = {"verdict": "stop", "reason": "the worker ends"}
    code = "import kindling\nkindling.current_trial()\nraise kindling.TrialStopped('rank 1 was told')"
    ended = python(code, folder, worker.environment())
    assert (ended.returncode, ended.stderr) == (75, "kindling: stopped: rank 1 was told\n")


def test_the_last_line_of_a_script_that_was_refused_has_the_error_and_its_hint(folder: Path, worker: Worker) -> None:
    ended = python("import kindling\nkindling.current_trial({'lrate': 1})", folder, worker.environment())
    assert ended.returncode == 1
    last = "kindling.KindlingError: the study has `lr`, which is not among the defaults: `lrate`; "
    assert ended.stderr.splitlines()[-1].startswith(last)


def test_a_script_that_raises_ends_with_status_1_and_its_traceback(folder: Path, run: Run, worker: Worker) -> None:
    ended = python(REPORTS.replace("trial.complete", "1 / 0 #"), folder, worker.environment())
    assert ended.returncode == 1
    assert ended.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert run.result is None


def test_a_pruned_script_may_clean_up_and_go_its_own_way(folder: Path, run: Run, worker: Worker) -> None:
    run.prune_at = 0
    code = """
import kindling
trial = kindling.current_trial()
try:
    try:
        trial.report(0.5, 0)
    except Exception:
        print("swallowed")
    finally:
        print("finally")
except kindling.TrialPruned:
    trial.set_user_attr("last", 0.5)
    trial.prune()
"""
    ended = python(code, folder, worker.environment())
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "finally\n", "")
    assert run.result == {"state": "pruned"}
    assert run.attributes == {"last": 0.5}


def test_another_excepthook_is_still_called_and_does_not_hide_ours(folder: Path, run: Run, worker: Worker) -> None:
    run.prune_at = 0
    code = """
import sys, kindling
trial = kindling.current_trial()
sys.excepthook = lambda kind, error, trace: print("theirs:", error)
{}
"""
    ended = python(code.format("trial.report(0.5, 0)"), folder, worker.environment())
    assert (ended.returncode, ended.stdout) == (0, "")
    run.result = None
    late = code.format("trial.report(0.5, 0, raises=False)\ntry: trial.check()\nexcept kindling.TrialPruned: 1 / 0")
    ended = python(late, folder, worker.environment())
    assert (ended.returncode, ended.stdout) == (1, "theirs: division by zero\n")


def test_other_processes_of_a_trial_hear_the_verdict(folder: Path, run: Run, worker: Worker) -> None:
    code = """
import multiprocessing, kindling

def follow(ready, told):
    trial = kindling.current_trial()
    ready.wait()
    told.put(trial.verdict())

if __name__ == "__main__":
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        trial, ready, told = kindling.current_trial(), context.Event(), context.Queue()
        other = context.Process(target=follow, args=(ready, told))
        other.start()
        trial.report(0.5, 0, raises=False)
        ready.set()
        print(method, told.get(timeout=30))
        other.join()
"""
    run.prune_at = 0
    ended = python(code, folder, worker.environment())
    assert (ended.stdout, ended.stderr) == ("fork prune\nspawn prune\n", "")
    assert worker.refused == []


def test_a_script_whose_worker_is_gone_ends(folder: Path, run: Run) -> None:
    with Worker(folder, one=run) as worker:
        code = "import kindling\ntrial = kindling.current_trial()\nprint('ready', flush=True)\ninput()\ntrial.check()"
        (folder / "script.py").write_text(code)
        script = subprocess.Popen(
            [sys.executable, "script.py"],
            cwd=folder,
            env=worker.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert script.stdout.readline() == "ready\n"
    _, error = script.communicate("\n", timeout=30)
    assert script.returncode == 75
    assert "the worker of this trial is gone" in error


def test_a_trial_needs_the_standard_library_alone(folder: Path, worker: Worker) -> None:
    code = """
import sys, kindling
kindling.current_trial().report(0.5, 0)
names = {name.partition(".")[0] for name in sys.modules}
print(sorted(names - set(sys.stdlib_module_names) - {"__main__", "__mp_main__", "kindling"}))
"""
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code], env=worker.environment(), capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"
