"""Objectives that cost nothing, for own_code.py: they note when they were called, so that the time between two calls can be told."""

import os
import threading
import time

LOG = os.environ.get("OWN_CODE_LOG")


def note(start, end):
    """One line for a call, in one write, so that lines of several processes stay whole."""
    with open(LOG, "ab", buffering=0) as file:
        file.write(f"{os.getpid()}.{threading.get_ident()} {start:.9f} {end:.9f}\n".encode())


def objective(trial):
    start = time.monotonic()
    x = trial.params["x"] if hasattr(trial, "study_seed") else trial.suggest_float("x", 0, 1)
    note(start, time.monotonic())
    return x


def second(trial):
    start = time.monotonic()
    time.sleep(1)
    note(start, time.monotonic())
    return trial.params["x"]


def reports(trial):
    """A thousand reports, each timed. The median is noted as an attribute."""
    took = []
    for step in range(1000):
        start = time.perf_counter()
        trial.report(step / 1000, step)
        took.append(time.perf_counter() - start)
    trial.set_user_attr("round_trips", sorted(took))
    return 1.0


def script(with_torch):
    """A whole process for a trial, as W&B's agent starts one."""
    start = time.monotonic()
    if with_torch:
        import torch  # noqa: F401
    import sys

    x = float(next(word for word in sys.argv if word.startswith("--x=")).removeprefix("--x="))
    note(start, time.monotonic())
    print(f"value={x}")


if __name__ == "__main__":
    import sys

    script("--torch" in sys.argv)
