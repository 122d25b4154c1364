"""The tables of this folder's README, from a report's data.

    kindling report weight-init --store weight-init.db --format json -o weight-init.json
    python tables.py weight-init.json [--published published_trials.csv] [--diagnoses DIAGNOSIS.json …]
    python tables.py rates.json --rates

A published run is a CSV with the columns winit_conv, winit_fc, accuracy, epochs. A diagnosis is what `kindling diagnose
--json` prints.
"""

import argparse
import csv
import json
import statistics

METHODS = ["const_zero", "const_0.5", "gaussian", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"]
KINDS = {"winit_conv": "convolution", "winit_fc": "fully connected"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report")
    parser.add_argument("--published")
    parser.add_argument("--rates", action="store_true", help="each pair's accuracy by learning rate, of a grid")
    parser.add_argument("--diagnoses", nargs="*", default=[])
    args = parser.parse_args()
    with open(args.report) as file:
        document = json.load(file)
    runs = {"ours": ours(document)}
    if args.published:
        runs["published"] = published(args.published)
    for name, trials in runs.items():
        print(f"\n### Pairs, {name}: best accuracy (trials)\n")
        pairs(trials)
    if args.rates:
        print("\n### Pairs by learning rate\n")
        rates(runs["ours"])
    print("\n### Methods: trials, best, median\n")
    methods(runs)
    confirmed(document)
    for path in args.diagnoses:
        with open(path) as file:
            diagnosis(path, json.load(file))


def ours(document):
    """The search's completed trials; what confirms them is another table's."""
    of_search = [t for t in document["trials"] if t["confirms"] is None and value(t) is not None]
    return [{**t["params"], "accuracy": value(t)} for t in of_search]


def value(trial):
    """The trial's one value; a report of version 1, such as rates.json, calls it so."""
    values = trial.get("values", [trial.get("value")])
    return values[0] if values else None


def published(path):
    with open(path) as file:
        return [{**row, "accuracy": float(row["accuracy"])} for row in csv.DictReader(file)]


def table(head, rows, right):
    print("| " + " | ".join(head) + " |")
    print("|" + "|".join("---:" if column in right else "---" for column in range(len(head))) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def pairs(trials):
    def cell(conv, fc):
        values = [t["accuracy"] for t in trials if (t["winit_conv"], t["winit_fc"]) == (conv, fc)]
        return f"{max(values):.4f} ({len(values)})" if values else "–"

    rows = [[f"`{conv}`", *(cell(conv, fc) for fc in METHODS)] for conv in METHODS]
    table(["convolution ↓, fully connected →", *(f"`{fc}`" for fc in METHODS)], rows, range(1, 8))


def rates(trials):
    found = {((t["winit_conv"], t["winit_fc"]), t["learning_rate"]): t["accuracy"] for t in trials}
    columns = sorted({rate for _, rate in found})
    name = "`{}` + `{}`".format
    rows = [[name(*pair), *(f"{found[pair, rate]:.4f}" for rate in columns)] for pair in sorted({p for p, _ in found})]
    table(["convolution + fully connected", *(f"{rate:.2e}" for rate in columns)], rows, range(1, len(columns) + 1))


def methods(runs):
    head, rows = ["", "method"], []
    for name in runs:
        head += [f"{name}: trials", "best", "median"]
    for param, kind in KINDS.items():
        for method in METHODS:
            row = [kind, f"`{method}`"]
            for trials in runs.values():
                values = [t["accuracy"] for t in trials if t[param] == method]
                shown = [f"{max(values):.4f}", f"{statistics.median(values):.4f}"] if values else ["–", "–"]
                row += [str(len(values)), *shown]
            rows.append(row)
    table(head, rows, range(2, len(head)))


def confirmed(document):
    confirm = document["analysis"]["confirm"]
    if confirm is None:
        return
    arms = {arm["of"]: arm for arm in confirm["arms"]}
    print("\n### Pairs under fresh seeds\n")
    combinations = [a for a in confirm["arms"] if a["values"] and any(r["kind"] == "combination" for r in a["roles"])]
    ranking(combinations, confirm["comparisons"])
    for effect in confirm["effects"]:
        print(f"\n### {KINDS[effect['param']].capitalize()} methods under fresh seeds, each at its own best\n")
        ranking([arms[of] for of in effect["arms"] if arms[of]["values"]], effect["comparisons"], effect["param"])


def ranking(arms, comparisons, param=None):
    best = arms[0]["of"]
    against = {c["b"]: c for c in comparisons if c["a"] == best}
    rows = []
    for arm in arms:
        name = f"`{arm['params']['winit_conv']}` + `{arm['params']['winit_fc']}`"
        values = [v["value"] for v in arm["values"]]
        comparison = against.get(arm["of"])
        rows.append([
            f"`{arm['params'][param]}`, in {name}" if param else name,
            f"{arm['params']['learning_rate']:.2e}",
            str(len(values)),
            f"**{arm['mean']:.4f}**",
            f"{arm['low']:.4f} to {arm['high']:.4f}" if arm["low"] is not None else "",
            f"{min(values):.4f}",
            f"{arm['test_mean']:.4f}",
            "" if comparison is None else f"{comparison['difference']:+.4f}",
            "" if comparison is None or comparison["p_holm"] is None else f"{comparison['p_holm']:.2g}",
            "the best" if arm["of"] == best else "worse" if comparison and comparison["differs"] else "cannot be told apart",
        ])
    head = ["method" if param else "convolution + fully connected", "learning rate", "seeds", "mean", "95 % interval",
            "worst", "test", "best − it", "p (Holm)", "against the best"]
    table(head, rows, range(1, 9))


def diagnosis(path, found):
    """A line for each layer, a column group for each stage."""
    for one in found if isinstance(found, list) else [found]:
        print(f"\n### {path}: {settings(one)}\n")
        stages = one["stages"]
        head, rows = ["layer"], [[layer["name"]] for layer in stages[0]["layers"]]
        for stage in stages:
            head += [f"{stage['stage']}: mean", "std", "saturated or dead", "gradient", "equal"]
            for row, layer in zip(rows, stage["layers"]):
                share = layer["saturated"] if layer["saturated"] is not None else layer["dead"]
                row += [number(layer[key]) for key in ("mean", "std")]
                row += ["" if share is None else f"{share:.0%}", number(layer["gradient"]), f"{layer['equal']:.0%}"]
        table(head, rows, range(1, len(head)))


def settings(one):
    return ", ".join(f"{key} {value}" for key, value in one["settings"].items() if value is not None)


def number(x):
    return "not finite" if x is None else f"{x:.2g}"


if __name__ == "__main__":
    main()
