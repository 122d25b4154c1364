"""`docs/trial-socket.md` is the contract: its examples are what the tests' worker takes, and what the package says."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

import kindling
from worker import Run, Worker, facts

PAGE = (Path(__file__).parents[2] / "docs/trial-socket.md").read_text()


def examples() -> list[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Each request of the page, and the answer that stands below it."""
    blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    pairs = []
    for block, following in zip(blocks, [*blocks[1:], {}], strict=True):
        if "call" in block:
            pairs.append((block, following if "ok" in following else None))
    return pairs


EXAMPLES = examples()
LIMITED = {**facts(), "constraints": ["memory_gb"]}


def test_the_page_shows_every_call() -> None:
    assert [request["call"] for request, _ in EXAMPLES] == [
        "hello",
        "report",
        "report",
        "verdict",
        "set_user_attr",
        "set_constraint",
        "load_checkpoint",
        "save_checkpoint",
        "save_artifact",
        "result",
        "next",
    ]


def on_disk(request: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The request with its file in this folder, where there is one."""
    if "path" not in request:
        return request
    file = folder / Path(request["path"]).name
    file.write_bytes(b"bytes")
    return {**request, "path": str(file)}


@pytest.mark.parametrize(("request_", "answer"), EXAMPLES)
def test_the_tests_worker_answers_as_the_page(folder: Path, request_: dict[str, Any], answer: Any) -> None:
    run = Run(LIMITED, metric="accuracy")
    many = [run] if request_["call"] == "next" else None
    with Worker(folder, one=run, many=many) as worker, socket.socket(socket.AF_UNIX) as ours:
        ours.connect(worker.path)
        ours.sendall(json.dumps(on_disk(request_, folder)).encode() + b"\n")
        found = json.loads(ours.makefile().readline())
    assert found["ok"] is True
    if answer is not None:
        assert set(found) == set(answer)
        assert set(found.get("trial", ())) == set(answer.get("trial", ()))


def test_a_trial_reads_the_pages_own_example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trial_facts,) = [answer["trial"] for request, answer in EXAMPLES if request["call"] == "hello" and answer]
    with Worker(folder, one=Run(trial_facts)) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        trial = kindling.current_trial()
    assert trial.params == trial_facts["params"]
    assert (trial.number, trial.attempt, trial.seed, trial.device) == (3, 1, trial_facts["seed"], "cuda")


def test_the_package_says_what_the_page_says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Worker(folder, one=Run(LIMITED, metric="accuracy")) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        trial = kindling.current_trial()
        trial.report(0.91, step=3)
        trial.report({"loss": 0.2, "accuracy": 0.91}, step=3)
        trial.verdict()
        trial.set_user_attr("test_accuracy", 0.97)
        trial.set_constraint("memory_gb", -3.5)
        shown = [on_disk(request, folder) for request, _ in EXAMPLES if request["call"] != "next"]
        trial.load_checkpoint()
        trial.save_checkpoint(folder / "model.pt", step=7)
        trial.save_artifact(folder / "loss.png", "plots/loss.png", "image/png")
        trial.complete(0.93)
    assert [json.loads(line) for line in worker.lines] == shown
    assert worker.refused == []


def test_every_word_of_the_page_is_known_to_the_package() -> None:
    states = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)[1:]
    assert states == ["complete", "pruned", "fail", "hand_back", "unfit"]
    source = (Path(kindling.__file__).parent / "trial.py").read_text()
    for word in (*states, "continue", "prune", "stop"):
        assert f'"{word}"' in source
