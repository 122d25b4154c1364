"""The warm process: one trial after another, and every way in which a function can end."""

import subprocess
import sys
from pathlib import Path

import pytest

from worker import Run, Worker, facts


def serve(folder: Path, code: str, runs: int | list[Run] = 1, spec: str = "train:objective", **more: str):
    """Serves the function to its end. Gives the trials and the process."""
    if isinstance(runs, int):
        runs = [Run(facts(number, lr=number / 2)) for number in range(runs)]
    (folder / "train.py").write_text(code)
    with Worker(folder, many=runs) as worker:
        ended = subprocess.run(
            [sys.executable, "-m", "kindling.serve", spec],
            cwd=folder,
            env=worker.environment(**more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return runs, ended, worker


def reason(folder: Path, body: str) -> str:
    """Why a function with that body fails; the process must go on with the next trial."""
    code = f"def objective(trial):\n    if trial.number == 1: return 0.5\n{body}"
    (first, second), ended, _ = serve(folder, code, 2)
    assert ended.returncode == 0, ended.stderr
    assert second.result == {"state": "complete", "values": ["0.5"]}, ended.stderr
    assert first.result["state"] == "fail"
    return first.result["reason"]


def test_a_function_is_imported_once_and_called_for_each_trial(folder: Path) -> None:
    code = """
print("imported")
def objective(trial):
    print("trial", trial.number)
    trial.report(0.5, 0)
    return trial.params["lr"]
"""
    runs, ended, worker = serve(folder, code, 3)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "imported\ntrial 0\ntrial 1\ntrial 2\n"
    assert [run.result["values"] for run in runs] == [["0.0"], ["0.5"], ["1.0"]]
    assert worker.calls == ["next", "report", "result"] * 3 + ["next"]
    assert worker.refused == []


@pytest.mark.parametrize(
    ("value", "values"),
    [("1", ["1.0"]), ("(1, 2.5)", ["1.0", "2.5"]), ("float('nan')", ["nan"]), ("trial.complete(7)", ["7.0"])],
)
def test_what_a_function_returns_is_the_value(folder: Path, value: str, values: list[str]) -> None:
    (run,), ended, _ = serve(folder, f"def objective(trial): return {value}")
    assert ended.returncode == 0
    assert run.result == {"state": "complete", "values": values}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    pass", "the function returned None\nhint: return the value"),
        ("    return 'high'", "the returned value is 'high', of type str; expected a number"),
        ("    return {'a': 1}", "KindlingError: the study has no objective `a`"),
        ("    return {'a': 'high'}", "`a` of the returned value is 'high', of type str; expected a number"),
        ("    return {}", "the returned value is empty; expected a number for each objective"),
        ("    return []", "the returned value is empty"),
        ("    raise ValueError('no data')", "ValueError: no data\nTraceback"),
        ("    import sys; sys.exit(0)", "SystemExit: the function called sys.exit(0)"),
        ("    exit('bye')", "sys.exit('bye')"),
        ("    import missing_module", "ModuleNotFoundError: No module named 'missing_module'"),
        ("    raise BaseException('odd')", "BaseException: odd"),
        ("    raise MemoryError", "MemoryError"),
        ("    raise GeneratorExit", "GeneratorExit"),
        ("    raise KeyboardInterrupt", "KeyboardInterrupt\nTraceback"),
        ("    compile('x = (', 'model.py', 'exec')", "SyntaxError: '(' was never closed (model.py, line 1)\nTraceback"),
        ("    trial.params['typo']", "no parameter `typo`; this trial has `lr`"),
        ("    trial.report({'loss': 1}, 0)", "KindlingError: `value` is missing, and the study names no `metric`"),
        ("    trial.report(float('nan'), 0)", "KindlingError: report nan at step 0 fails the trial"),
        ("    trial.fail('my reason')", "my reason"),
        ("    raise ValueError('\\ud800 \\x00')", "ValueError: \\ud800 \x00"),
    ],
)
def test_a_function_that_fails_says_why_and_the_process_goes_on(folder: Path, body: str, said: str) -> None:
    found = reason(folder, body)
    assert said in found
    assert found.startswith(said.partition(":")[0]) or "Error" not in said or "Kindling" in found


def test_a_reason_shows_the_users_frames_and_not_ours(folder: Path) -> None:
    found = reason(folder, "    inner()\ndef inner():\n    trial = None\n    {}['a']")
    assert found.startswith("KeyError: 'a'\nTraceback (most recent call last):\n")
    assert found.count("File ") == 2
    assert "in objective" in found
    assert "in inner" in found
    assert "kindling/" not in found
    ours = reason(folder, "    trial.report('high', 0)")
    assert ours.count("File ") == 1
    assert "kindling/" not in ours


def test_what_is_wrong_with_a_value_is_said_once(folder: Path) -> None:
    assert reason(folder, "    return 'high'").count("of type str; expected a number") == 1


def test_a_chain_of_exceptions_is_shown(folder: Path) -> None:
    found = reason(folder, "    try: 1 / 0\n    except ZeroDivisionError as e: raise RuntimeError('outer') from e")
    assert found.startswith("RuntimeError: outer\n")
    assert "ZeroDivisionError: division by zero" in found
    assert "direct cause" in found


CHAIN = """
    error = None
    for i in range(300):
        try: raise ValueError(i) from error
        except ValueError as e: error = e
    raise error
"""


@pytest.mark.parametrize(
    "body",
    [
        "    objective(trial)",
        "    raise ValueError('x' * 10_000_000)",
        "    def down(n):\n        if n: down(n - 1)\n        raise ValueError('deep')\n    down(900)",
        CHAIN,
        "    class Odd(Exception):\n        def __str__(self): raise RuntimeError\n    raise Odd",
    ],
)
def test_a_reason_is_bounded_whatever_was_raised(folder: Path, body: str) -> None:
    found = reason(folder, body)
    assert 0 < len(found) < 8000
    assert "Error" in found or "Odd" in found


def test_a_pruned_function_is_pruned(folder: Path) -> None:
    code = """
import kindling
def objective(trial):
    if trial.number == 1: raise kindling.TrialPruned
    for step in range(10):
        try: trial.report(0.5, step)
        except Exception: pass
    return 1
"""
    runs, ended, _ = serve(folder, code, [Run(facts(0), prune_at=3), Run(facts(1)), Run(facts(2))])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert [run.result["state"] for run in runs] == ["pruned", "pruned", "complete"]
    assert [len(run.reports) for run in runs] == [4, 0, 10]


def test_an_objective_that_was_written_for_optuna_runs(folder: Path) -> None:
    (folder / "optuna").mkdir()
    (folder / "optuna/__init__.py").write_text("class TrialPruned(Exception): pass")
    code = """
import optuna
def objective(trial):
    lr = trial.suggest_float("lr", 0, 1, log=False)
    trial.report(lr, 0)
    if trial.should_prune(): raise optuna.TrialPruned()
    if trial.number == 1: raise optuna.TrialPruned()
    return lr
"""
    runs, _, _ = serve(folder, code, 2)
    assert [run.result["state"] for run in runs] == ["complete", "pruned"]


def test_a_stopped_function_ends_and_the_next_trial_runs(folder: Path) -> None:
    runs = [Run(facts(0), verdict={"verdict": "stop", "reason": "timed out"}), Run(facts(1))]
    _, ended, _ = serve(folder, "def objective(trial):\n    trial.report(0.5, 0)\n    return 1", runs)
    assert ended.returncode == 0
    assert [run.result["state"] for run in runs] == ["hand_back", "complete"]


def test_a_function_whose_child_heard_that_it_is_stopped_hands_back(folder: Path) -> None:
    code = """
import kindling
def objective(trial):
    raise kindling.TrialStopped("a rank was told")
"""
    runs = [Run(facts(0), verdict={"verdict": "stop", "reason": "timed out"})]
    serve(folder, code, runs)
    assert runs[0].result == {"state": "hand_back", "reason": "a rank was told"}


STALE = """
import kindling
saved = []
def objective(trial):
    saved.append(trial)
    if trial.number == 1: saved[0].report(5.0, 7)
    if trial.number == 2: raise kindling.TrialStopped("mine")
    if trial.number == 3: raise kindling.TrialStopped
    return 1
"""


def test_a_trial_that_nobody_stopped_fails_and_is_not_run_again(folder: Path) -> None:
    runs, ended, _ = serve(folder, STALE, 5)
    assert ended.returncode == 0
    assert [run.result["state"] for run in runs] == ["complete", "fail", "fail", "fail", "complete"]
    said = [run.result["reason"].splitlines() for run in runs[1:4]]
    assert said[0][0] == "kindling.TrialStopped: this trial is over: the worker is no longer at trial 0"
    assert said[1][:3] == [
        "kindling.TrialStopped: mine",
        "hint: the worker did not stop this trial, so it failed",
        "Traceback (most recent call last):",
    ]
    assert said[2][0] == "kindling.TrialStopped"
    assert runs[0].reports == []


def test_a_value_after_another_result_is_told_and_the_process_goes_on(folder: Path) -> None:
    code = "def objective(trial):\n    trial.complete(1)\n    return 2"
    runs, ended, worker = serve(folder, code, 2)
    assert [run.result["values"] for run in runs] == [["1.0"], ["1.0"]]
    assert "trial 0 had given its result" in ended.stderr
    assert len(worker.refused) == 2


def test_current_trial_is_the_trial_of_the_function(folder: Path) -> None:
    code = """
import kindling
def objective(trial):
    assert kindling.current_trial(defaults={"epochs": 3}) is trial
    return trial.params["epochs"] + trial.number
"""
    runs, _, _ = serve(folder, code, 2)
    assert [run.result["values"] for run in runs] == [["3.0"], ["4.0"]]


def test_the_environment_tells_of_each_trial(folder: Path) -> None:
    code = """
import subprocess
def objective(trial):
    said = subprocess.check_output('echo $KINDLING_STUDY $KINDLING_TRIAL $KINDLING_ATTEMPT $KINDLING_SEED', shell=True)
    trial.set_user_attr("said", said.decode())
    return 1
"""
    runs, _, _ = serve(folder, code, 2)
    assert [run.attributes["said"] for run in runs] == [f"mine {number} 1 {2**64 - 1}\n" for number in (0, 1)]


def test_a_thread_that_outlives_its_trial_cannot_speak_for_the_next(folder: Path) -> None:
    code = """
import threading, kindling
first = None
said = []
def late(trial):
    try: trial.report(99, 99)
    except kindling.TrialStopped as error: said.append(str(error))
def objective(trial):
    global first
    first = first or trial
    if first is not trial:
        thread = threading.Thread(target=late, args=(first,))
        thread.start()
        thread.join()
        trial.set_user_attr("said", said)
    return 1
"""
    runs, _, _ = serve(folder, code, 2)
    assert runs[1].attributes == {"said": ["this trial is over: the worker is no longer at trial 0"]}
    assert runs[1].reports == []


def test_the_children_of_a_function_have_connections_of_their_own(folder: Path) -> None:
    code = """
import multiprocessing, os
context = multiprocessing.get_context("fork")
def work(trial, step): trial.report(step, step)
def objective(trial):
    for step in range(3):
        child = context.Process(target=work, args=(trial, step))
        child.start()
        child.join()
    trial.report(3, 3)
    return 1
"""
    (run,), ended, worker = serve(folder, code)
    assert (ended.stderr, worker.refused) == ("", [])
    assert [step for step, _ in run.reports] == [0, 1, 2, 3]
    assert len(run.reporters) == 4


@pytest.mark.parametrize("child", ["return 7", "raise ValueError('child')", "raise SystemExit"])
def test_a_forked_child_that_comes_back_out_of_the_function_does_not_speak(folder: Path, child: str) -> None:
    code = f"""
import os
def objective(trial):
    pid = os.fork()
    if pid == 0: {child}
    os.waitpid(pid, 0)
    return 1
"""
    runs, ended, worker = serve(folder, code, 2)
    assert ended.returncode == 0
    assert [run.result["values"] for run in runs] == [["1.0"], ["1.0"]]
    assert worker.calls == ["next", "result"] * 2 + ["next"]


def test_what_is_printed_flows_line_by_line_and_input_is_at_its_end(folder: Path) -> None:
    code = """
import sys, os
def objective(trial):
    assert sys.stdin.read() == ""
    print("\\ud800 é")
    os.write(1, b"after\\n")
    sys.stdout.close()
    return 1
"""
    (run,), ended, _ = serve(folder, code, PYTHONIOENCODING="ascii")
    assert run.result["state"] == "complete"
    assert ended.stdout == "\\ud800 \\xe9\nafter\n"


def test_the_module_sees_a_command_line_of_its_own(folder: Path) -> None:
    code = "import sys\nargv = sys.argv\ndef objective(trial):\n    trial.set_user_attr('argv', argv)\n    return 1"
    (run,), _, _ = serve(folder, code)
    assert run.attributes == {"argv": ["train"]}


def test_a_worker_that_is_gone_ends_the_process(folder: Path) -> None:
    (folder / "train.py").write_text("def objective(trial): return 1")
    with Worker(folder, many=[Run(facts(0))]) as worker:
        worker.drop = 1
        ended = subprocess.run(
            [sys.executable, "-m", "kindling.serve", "train:objective"],
            cwd=folder,
            env=worker.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "kindling: the worker is gone: the worker closed the connection\n"


def test_without_a_worker_it_runs_one_trial_alone(folder: Path) -> None:
    (folder / "train.py").write_text("def objective(trial): return trial.suggest_float('lr', 0, 1)")
    command = [sys.executable, "-m", "kindling.serve", "train:objective"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "value: 0.5\n", "")
