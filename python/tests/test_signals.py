"""Signals to the warm process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from worker import Run, Worker, facts


@pytest.fixture
def start(folder: Path):
    """Starts the warm process, and ends it after the test whatever it does."""
    started: list[subprocess.Popen[str]] = []

    def start(worker: Worker, code: str) -> subprocess.Popen[str]:
        (folder / "train.py").write_text(code)
        command = [sys.executable, "-m", "kindling.serve", "train:objective"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=folder, env=worker.environment(), stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


WAITS = """
import time
def objective(trial):
    try:
        print("started", flush=True)
        time.sleep(600)
    except Exception:
        print("swallowed")
    finally:
        print("cleaned up")
"""


def test_sigterm_in_a_function_cleans_up_and_ends(folder: Path, start) -> None:
    run = Run(facts(0))
    with Worker(folder, many=[run, Run(facts(1))]) as worker:
        process = start(worker, WAITS)
        assert process.stdout.readline() == "started\n"
        process.terminate()
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (128 + signal.SIGTERM, "cleaned up\n", "")
    assert run.result == {"state": "hand_back", "reason": "SIGTERM"}
    assert worker.calls.count("next") == 1


def test_sigterm_ends_a_function_that_swallows_it(folder: Path, start) -> None:
    code = WAITS.replace("except Exception", "except BaseException") + "    return 1\n"
    with Worker(folder, many=[Run(facts(0)), Run(facts(1))]) as worker:
        process = start(worker, code)
        process.stdout.readline()
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert worker.calls.count("next") == 1


def test_sigterm_between_two_trials_ends_the_process(folder: Path, start) -> None:
    with Worker(folder, many=[Run(facts(0))]) as worker:
        worker.silent = "next"
        process = start(worker, "def objective(trial): return 1")
        worker.wait(lambda: "next" in worker.calls)
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_an_interrupt_ends_the_process(folder: Path, start) -> None:
    run = Run(facts(0))
    with Worker(folder, many=[run, Run(facts(1))]) as worker:
        process = start(worker, WAITS)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (128 + signal.SIGINT, "kindling: interrupted by SIGINT\n")
    assert run.result is None


def test_a_child_of_a_function_ends_by_sigterm_at_once(folder: Path) -> None:
    code = """
import multiprocessing, time
context = multiprocessing.get_context("fork")
def objective(trial):
    ready = context.Event()
    child = context.Process(target=lambda: (ready.set(), time.sleep(600)))
    child.start()
    assert ready.wait(30)
    child.terminate()
    child.join(30)
    return child.exitcode
"""
    (folder / "train.py").write_text(code)
    run = Run(facts(0))
    with Worker(folder, many=[run]) as worker:
        command = [sys.executable, "-m", "kindling.serve", "train:objective"]
        subprocess.run(command, cwd=folder, env=worker.environment(), timeout=60, check=True)
    assert run.result == {"state": "complete", "values": [str(float(-signal.SIGTERM))]}


def test_the_parents_end_is_seen_although_a_child_lives_on(folder: Path, start) -> None:
    code = """
import os, time
def objective(trial):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(600)
    time.sleep(600)
"""
    with Worker(folder, many=[Run(facts(0))]) as worker:
        process = start(worker, code)
        child = int(process.stdout.readline())
        try:
            process.kill()
            worker.wait(lambda: not worker.open)
        finally:
            os.kill(child, signal.SIGKILL)
