"""A notebook that defines its objective in a cell, executed as Jupyter does it."""

import sys
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("cloudpickle")

pytestmark = pytest.mark.usefixtures("program")

DEFINES = """
import kindling

scale = 3

def helper(x):
    return scale * x ** 2

def objective(trial):
    trial.report(1.0, step=0)
    return helper(trial.params["x"])

study = kindling.Study(
    "notebook", objective, direction="minimize", trials=4, space={"x": kindling.Float(-1, 1)}
)
"""


def _executed(folder: Path, *cells: str) -> Any:
    """The notebook with its outputs."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    # The kernel of this interpreter, whatever kernels are installed.
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    manager = AsyncKernelManager(kernel_name="python3")
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=words, display_name="this", language="python")
    client = nbclient.NotebookClient(notebook, km=manager, timeout=120, resources={"metadata": {"path": str(folder)}})
    return client.execute()


def _text(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_a_function_of_a_cell_reaches_the_workers_and_the_output_is_updated(folder: Path) -> None:
    notebook = _executed(
        folder,
        DEFINES,
        "study.run(workers=2)",
        "print([t.value == 3 * t.params['x'] ** 2 for t in study.trials], len(study.to_pandas()))",
        # Changed and executed again, as one does.
        DEFINES.replace("trials=4", "trials=6").replace("scale = 3", "scale = 5"),
        "study.run()",
        "print(len(study.trials))",
    )
    (_, ran, read, _, again, count) = notebook.cells
    # One output that changes, not one for each update.
    (shown,) = ran.outputs
    assert shown.data["text/plain"].startswith("notebook: 4/4 trials · best")
    assert "<progress" in shown.data["text/html"]
    assert _text(read) == "[True, True, True, True] 4\n"
    assert "CodeChanged" in _text(again)
    assert _text(count) == "6\n"


def test_interrupting_the_cell_drains_the_run_and_the_next_one_goes_on(folder: Path) -> None:
    slow = DEFINES.replace("trials=4", "trials=12").replace(
        "    return helper", "    import time\n    time.sleep(0.3)\n    return helper"
    )
    interrupts = """
import os, signal, threading, time

def interrupt():
    while len([t for t in study.trials if t.state.is_finished()]) < 1:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt).start()
try:
    study.run(workers=1)
except KeyboardInterrupt:
    print("was interrupted")
"""
    notebook = _executed(
        folder, slow, interrupts, "print(study.is_finished)", "study.run()", "print(study.is_finished)"
    )
    (_, interrupted, before, _, after) = notebook.cells
    assert "nothing is lost" in _text(interrupted)
    assert _text(interrupted).endswith("was interrupted\n")
    assert (_text(before), _text(after)) == ("False\n", "True\n")


def test_a_study_at_the_end_of_a_cell_is_shown_by_its_page(folder: Path) -> None:
    notebook = _executed(
        folder, DEFINES, "study", "study.run(workers=1, progress=False)", "study", 'study.figure("slice-x")'
    )
    (_, before, _, study, figure) = notebook.cells
    assert before.outputs[0].data["text/plain"] == "notebook: it has not begun"
    assert "there is no study" in before.outputs[0].data["text/html"]
    (shown,) = study.outputs
    assert shown.data["text/plain"].startswith("notebook: 4/4 trials · best ")
    assert "<iframe" in shown.data["text/html"]
    assert "notebook: 4/4 trials" in shown.data["text/html"]
    assert "<iframe" in figure.outputs[0].data["text/html"]
