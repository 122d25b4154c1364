"""What do the most expensive proposals cost that a coordinator accepts? The largest of five, in milliseconds, for spaces
and samplers at the limits of `proto/src/limits.rs`, after 600 trials, some of them failed, while 500 run.

    python tests/peers/sampling/wide.py target/release/examples/proposal_times

`--plain` leaves the failed and the running ones out, as an older `proposal_times` has it; `--beyond` adds two that are
refused now."""

import argparse
import json
import subprocess

FLOAT = {"type": "float", "low": 0.0, "high": 1.0}
INT = {"type": "int", "low": 0, "high": 1000, "step": 1, "log": False}


def categorical(choices: int) -> dict:
    return {"type": "categorical", "choices": list(range(choices))}


def space(count: int, distribution: dict) -> list[dict]:
    return [{"name": f"p{i}", "distribution": distribution} for i in range(count)]


def groups(parents: int, children: int) -> list[dict]:
    """Whole numbers, each under a condition of its own, nine of ten active."""
    switches = [{"name": f"s{i}", "distribution": categorical(10)} for i in range(parents)]

    def child(i: int) -> dict:
        # Another choice of another parent is left out each time.
        parent, without = i % parents, i // parents
        when = [{"parent": f"s{parent}", "any_of": [c for c in range(10) if c != without]}]
        return {"name": f"c{i}", "distribution": INT, "when": when}

    return switches + [child(i) for i in range(children)]


TPE, GP = {"kind": "tpe"}, {"kind": "gp"}
CASES = {
    "5 floats": (space(5, FLOAT), TPE),
    "200 floats": (space(200, FLOAT), TPE),
    "200 whole numbers": (space(200, INT), TPE),
    "1,000 floats": (space(1000, FLOAT), TPE),
    "1,000 whole numbers": (space(1000, INT), TPE),
    "900 whole numbers, each under a condition of its own": (groups(90, 900), TPE),
    "3 floats, 9,000 candidates": (space(3, FLOAT), TPE | {"candidates": 9000}),
    "3 whole numbers, 9,000 candidates": (space(3, INT), TPE | {"candidates": 9000}),
    "10,000 choices, 267 candidates": (space(1, categorical(10_000)), TPE | {"candidates": 267}),
    "1,000 times 10 choices": (space(1000, categorical(10)), TPE),
    "100 floats, Gaussian process": (space(100, FLOAT), GP),
    "100 times 10 choices, Gaussian process": (space(100, categorical(10)), GP),
    "a grid of 65 points, 1,000 floats": (space(1000, FLOAT), {"kind": "grid", "points": 65}),
    "a grid of 65,535 points, 1 float": (space(1, FLOAT), {"kind": "grid", "points": 65_535}),
}
BEYOND = {
    "1,000 floats, 10,000 candidates": (space(1000, FLOAT), TPE | {"candidates": 10_000}),
    "a grid of 65,535 points, 100 floats": (space(100, FLOAT), {"kind": "grid", "points": 65_535}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example proposal_times of kindling-study, built in release")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--beyond", action="store_true")
    options = parser.parse_args()
    history = ["600", "0", "5"] if options.plain else ["600", "500", "5", "300"]
    for name, (params, sampler) in (CASES | (BEYOND if options.beyond else {})).items():
        study = json.dumps({"space": params, "sampler": sampler})
        times = subprocess.run([options.program, *history], input=study, capture_output=True, text=True, check=True)
        print(f"{name:55}{1e3 * max(json.loads(times.stdout)):10.1f} ms", flush=True)


if __name__ == "__main__":
    main()
