"""A sampler served over standard input and output, in the words of the example `ask_tell`."""

import json
import sys
from typing import Any, Callable, Protocol

Values = dict[str, Any]


class Served(Protocol):
    def ask(self) -> tuple[Any, Values]:
        """What the sampler knows a trial by, and the trial's parameters."""

    def tell(self, asked: Any, loss: float) -> None: ...


def serve(new: Callable[[list[dict], int], Served]) -> None:
    """`new` makes a sampler for a space, as Kindling describes it, and a seed. A failed trial's loss is told as the worst
    so far, as users do where a sampler knows no failures; those before the first that did not fail wait for it."""
    # What a package prints must not come between the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    study, trials, worst, failed = None, [], None, []
    for line in sys.stdin:
        (word, said), answer = next(iter(json.loads(line).items())), None
        if word == "study":
            study, trials, worst, failed = new(said["space"], said["seed"]), [], None, []
        elif word == "ask":
            asked, values = study.ask()
            answer = {"number": len(trials), "params": values}
            trials.append(asked)
        elif said["value"] is not None:
            worst = said["value"] if worst is None else max(worst, said["value"])
            study.tell(trials[said["number"]], said["value"])
        else:
            failed.append(said["number"])
        if worst is not None:
            for number in failed:
                study.tell(trials[number], worst)
            failed = []
        print(json.dumps(answer), file=answers, flush=True)


def is_active(param: dict, values: Values) -> bool:
    return all(values.get(when["parent"]) in when["any_of"] for when in param.get("when", []))
