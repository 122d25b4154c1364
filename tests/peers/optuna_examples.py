"""Optuna's own examples on a coordinator: do they come to the same trials as in memory?

    git clone … optuna-examples                       # the repository `optuna/optuna-examples`
    python tests/peers/optuna_examples.py KINDLING optuna-examples [--trials 12] [--only basic/quadratic.py,…]

Each example runs twice as it is, in a process of its own: once with the storage that it has, which is in memory, and once on a coordinator through
Optuna's `GrpcStorageProxy`. Only `create_study` is given a storage and, where the example names none, a sampler; all seeds are fixed and
no more than `--trials` trials run. Then all trials are compared: states, parameters, values, steps, attributes."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = {
    "basic/pruning.py": "TPESampler",
    "basic/quadratic.py": "GPSampler",
    "basic/quadratic_constraint.py": "TPESampler",
    "basic/quadratic_multi_objective.py": "NSGAIISampler",
    "faq/enqueue_trial.py": "TPESampler",
    "faq/max_trials_callback.py": "RandomSampler",
    "multi_objective/quadratic_simple.py": "TPESampler",
    "pruners/wilcoxon_pruner_tsp_sa.py": "TPESampler",
    "samplers/simulated_annealing_sampler.py": None,
    "samplers/warm_starting_cma.py": None,
    "sklearn/sklearn_additional_args.py": "TPESampler",
    "sklearn/sklearn_simple.py": "CmaEsSampler",
    "terminator/terminator_simple.py": "TPESampler",
    "visualization/plot_pareto_front.py": "NSGAIISampler",
}
"""Those that need nothing but scikit-learn, and the sampler that is given to them."""

RUN = """
import json, random, runpy, sys, warnings
import numpy as np, optuna
example, port, sampler, most, out = sys.argv[1:]
warnings.simplefilter("ignore")
random.seed(0); np.random.seed(0)
class Seeded(np.random.RandomState):
    def __init__(self, seed=None):
        super().__init__(7 if seed is None else seed)
np.random.RandomState = Seeded
made, create, optimize = [], optuna.create_study, optuna.study.Study.optimize
def create_study(**options):
    if int(port):
        options["storage"] = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=int(port))
        options.pop("study_name", None), options.pop("load_if_exists", None)
    if sampler and options.get("sampler") is None:
        options["sampler"] = getattr(optuna.samplers, sampler)(seed=7)
    study = create(**options)
    study.sampler.reseed_rng = lambda: None
    made.append(study)
    return study
def limited(self, objective, n_trials=None, timeout=None, n_jobs=1, **options):
    return optimize(self, objective, n_trials=min(n_trials or int(most), int(most)), n_jobs=1, **options)
optuna.create_study = optuna.study.create_study = create_study
optuna.study.Study.optimize = limited
sys.argv = [example]
runpy.run_path(example, run_name="__main__")
def trial(t):
    # CMA-ES keeps its state as a pickle, whose bytes are not the same twice.
    attributes = {k: v for k, v in t.system_attrs.items() if not k.startswith("cma:optimizer")}
    return [t.number, t.state.name, t.params, t.values, t.intermediate_values, t.user_attrs, attributes]
seen = [[trial(t) for t in study.get_trials()] for study in made]
json.dump(seen, open(out, "w"), default=str, sort_keys=True)
"""


def seen(example: Path, port: int, sampler: str | None, trials: int) -> tuple[str, int]:
    with tempfile.NamedTemporaryFile() as out:
        command = [sys.executable, "-c", RUN, example.name, str(port), sampler or "", str(trials), out.name]
        done = subprocess.run(command, cwd=example.parent, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise SystemExit(f"{example}: {done.stderr[-2000:]}")
        text = Path(out.name).read_text()
    return text, sum(len(study) for study in json.loads(text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kindling")
    parser.add_argument("examples", type=Path)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--only", type=lambda names: names.split(","), default=list(EXAMPLES))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("w") as file:
            command = [options.kindling, "coordinator", f"--store={folder}/study.db", "--listen=127.0.0.1:0"]
            coordinator = subprocess.Popen(command, stderr=file)
        try:
            while "listening on http" not in log.read_text():
                assert coordinator.poll() is None, log.read_text()
            port = int(log.read_text().split("listening on http://127.0.0.1:")[1].split()[0])
            differ = []
            for name in options.only:
                example, sampler = options.examples / name, EXAMPLES[name]
                (memory, trials), (ours, _) = (seen(example, at, sampler, options.trials) for at in (0, port))
                verdict = "equal"
                if memory != ours:
                    # scikit-learn's forests draw in processes of their own.
                    is_random = seen(example, 0, sampler, options.trials)[0] != memory
                    verdict = "not the same twice in memory either" if is_random else "DIFFERENT"
                    differ += [] if is_random else [name]
                print(f"{name:42} {sampler or 'its own sampler':16} {trials:3} trials {verdict}", flush=True)
        finally:
            coordinator.terminate()
            coordinator.wait()
    raise SystemExit(f"different: {', '.join(differ)}" if differ else None)


if __name__ == "__main__":
    main()
