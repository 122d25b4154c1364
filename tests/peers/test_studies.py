"""The comparisons do the work that they say, and their arithmetic is right: `python test_studies.py`."""

import argparse
import math
import pathlib
import sys
import tempfile
import tomllib
import unittest
from unittest import mock

import answer
import studies


class EqualWork(unittest.TestCase):
    def test_every_trial_trains_for_the_same_time_and_nothing_comes_after(self):
        for network in studies.FILES:
            study = tomllib.loads(studies.equal_work(network, 6, 3))
            self.assertEqual(study["trials"], 6)
            self.assertEqual(study["sampler"], {"kind": "random"})
            self.assertEqual(study["pruner"], {"kind": "none"})
            self.assertEqual((study["objective"]["patience"], study["objective"]["max_epochs"]), (3, 3))
            self.assertEqual(study["objective"]["network"], network)
            self.assertNotIn("confirm", study)

    def test_a_study_file_that_asks_for_more_is_noticed(self):
        today = (studies.STUDIES / studies.FILES["common"]).read_text()
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(studies, "STUDIES", pathlib.Path(folder)):
            (studies.STUDIES / studies.FILES["common"]).write_text(today + "\n[repeat]\ntimes = 3\n")
            with self.assertRaises(AssertionError):
                studies.equal_work("common", 6, 3)


GOAL = 0.9


# Stands in for `kindling run --events`: its trials finish in the wrong order, one while it waits to be interrupted.
STAND_IN = """#!{python}
import datetime, json, signal, sys, time

def trial(number, seconds, state, value):
    time = start + datetime.timedelta(seconds=seconds)
    return {{"number": number, "state": state, "values": [value], "fail_reason": None,
            "complete": time.isoformat().replace("+00:00", "Z") if state != "RUNNING" else None}}

def tell(*trials):
    print(json.dumps({{"event": "progress", "trials_changed": trials}}), flush=True)

def interrupted(*_):
    tell(trial(4, 50, "COMPLETE", 0.99))
    sys.exit(130)

signal.signal(signal.SIGINT, interrupted)
start = datetime.datetime.now(datetime.timezone.utc)
open("{folder}/words", "w").write(" ".join(sys.argv[1:]))
open("{folder}/study.toml", "w").write(open(sys.argv[2]).read())
print(json.dumps({{"event": "started"}}), flush=True)
tell(trial(1, 20, "COMPLETE", 0.4), trial(0, 10, "COMPLETE", 0.3), trial(2, 0, "RUNNING", 0.99))
tell(trial(2, 30, "PRUNED", 0.99))
{end}
"""
REACHES = 'tell(trial(3, 40, "COMPLETE", 0.9)); time.sleep(5)'


def arguments(folder, **changed):
    given = {
        "only": ["notebook", "kindling"], "seeds": 2, "goal": GOAL, "cap": 3, "epochs": None,
        "results": pathlib.Path(folder) / "answer.csv",
    }
    return argparse.Namespace(**given | changed)


def row(contender, seed, seconds, best, trials=2):
    return answer.row_of(contender, seed, [(1.0, 0.1)] * (trials - 1) + [(seconds, best)], GOAL)


class Answer(unittest.TestCase):
    def test_a_study_is_the_flagship_with_the_contenders_sampler_and_pruner(self):
        flagship = tomllib.loads((studies.STUDIES / studies.FILES["common"]).read_text())
        percentile = {"kind": "percentile", "percentile": 75.0}
        for contender, sampler, pruner in [
            ("kindling", "auto", percentile),
            ("kindling-tpe", "tpe", percentile),
            ("kindling-random", "random", percentile),
            ("kindling-no-pruner", "auto", {"kind": "none"}),
            ("kindling-one", "auto", percentile),
        ]:
            study = tomllib.loads(answer.study_file(arguments(".", cap=7), contender, 5))
            self.assertEqual((study["trials"], study["seed"]), (7, 5))
            self.assertEqual((study["sampler"], study["pruner"]), ({"kind": sampler}, pruner))
            self.assertEqual((study["objective"], study["space"]), (flagship["objective"], flagship["space"]))
            self.assertNotIn("confirm", study)
        self.assertEqual(studies.effort("common"), (flagship["objective"]["patience"], 200))

    def test_a_run_ends_with_the_first_trial_that_reaches_the_goal(self):
        trials = [(10.0, 0.5), (15.0, None), (20.0, 0.4), (30.04, 0.9), (31.0, 0.95)]
        found = answer.row_of("kindling", 1, trials, GOAL)
        self.assertEqual(found["course"], "10.0:0.5 30.0:0.9")
        self.assertEqual([found[key] for key in ("seconds", "trials", "best", "reached")], [30.0, 4, 0.9, True])
        self.assertEqual([answer.seconds_to(found, goal) for goal in (0.5, 0.6, 0.91)], [10.0, 30.0, math.inf])
        missed = answer.row_of("kindling", 1, trials[:3], GOAL)
        self.assertEqual([missed[key] for key in ("seconds", "trials", "best", "reached")], [20.0, 3, 0.5, False])

    def stood_in(self, folder, end, **changed):
        program = pathlib.Path(folder) / "kindling"
        program.write_text(STAND_IN.format(python=sys.executable, folder=folder, end=end))
        program.chmod(0o755)
        args = arguments(folder, kindling=str(program), mnist="MNIST", device="flex", **changed)
        return answer.kindling(args, "kindling-one", 1)

    def test_kindling_is_interrupted_at_the_goal(self):
        with tempfile.TemporaryDirectory() as folder:
            trials = self.stood_in(folder, REACHES)
            words = (pathlib.Path(folder) / "words").read_text()
            study = tomllib.loads((pathlib.Path(folder) / "study.toml").read_text())
        self.assertEqual([value for _, value in trials], [0.3, 0.4, None, 0.9, 0.99])
        found = answer.row_of("kindling-one", 1, trials, GOAL)
        self.assertEqual([found[key] for key in ("trials", "best", "reached")], [4, 0.9, True])
        # From the start of the command, Python's own start included, to the trial's end.
        self.assertTrue(40 <= found["seconds"] < 50, found)
        self.assertIn("--events --data-dir MNIST --device flex --workers 1", words)
        self.assertEqual((study["trials"], study["sampler"]), (3, {"kind": "auto"}))

    def test_kindling_may_end_at_the_cap_and_not_before(self):
        with tempfile.TemporaryDirectory() as folder:
            trials = self.stood_in(folder, "")
            self.assertFalse(answer.row_of("kindling-one", 1, trials, GOAL)["reached"])
            with self.assertRaises(SystemExit):
                self.stood_in(folder, "", cap=4)
            with self.assertRaises(SystemExit):
                self.stood_in(folder, "sys.exit(1)")

    def test_what_is_there_is_not_run_again(self):
        with tempfile.TemporaryDirectory() as folder:
            args, ran = arguments(folder), []

            def run(args, contender, seed):
                ran.append((contender, seed))
                return [(2.0, 0.5), (3.0, None), (60.0, 0.9 if contender == "kindling" else 0.8)]

            with mock.patch.object(answer, "trials_of", run), mock.patch("sys.stderr"):
                answer.fill(args, {("kindling", 2): row("kindling", 2, 4.0, 0.9)})
                self.assertEqual(ran, [("kindling", 1), ("notebook", 1), ("notebook", 2)])
                rows = answer.load(args.results)
                self.assertEqual(set(rows), {(c, s) for c in args.only for s in (1, 2)})
                ran.clear()
                answer.fill(args, rows)
                self.assertEqual(ran, [])
                # A lower goal is on record, too. A higher one is not where the run ended at the lower,
                # nor is a larger cap where the run ended at the smaller.
                answer.fill(arguments(folder, goal=0.5), dict(rows))
                self.assertEqual(ran, [])
                answer.fill(arguments(folder, goal=0.95), dict(rows))
                self.assertEqual(sorted(ran), [("kindling", 1), ("kindling", 2)])
                ran.clear()
                answer.fill(arguments(folder, cap=4), dict(rows))
                self.assertEqual(sorted(ran), [("notebook", 1), ("notebook", 2)])

    def test_the_table(self):
        rows = [
            *(row("notebook", seed, seconds, 0.9) for seed, seconds in [(1, 600.0), (2, 240.0), (3, 360.0)]),
            row("notebook", 4, 900.0, 0.8, trials=3),
            row("notebook", 5, 900.0, 0.8, trials=3),
            *(row("kindling", seed, seconds, 0.9) for seed, seconds in [(1, 120.0), (2, 120.0), (4, 60.0)]),
            row("kindling", 3, 300.0, 0.8, trials=3),
            row("kindling", 5, 300.0, 0.8, trials=3),
        ]
        table = answer.table_of({(r["contender"], r["seed"]): r for r in rows}, GOAL, 3)
        notebook, kindling = table
        self.assertEqual((kindling["seeds"], kindling["reached"], notebook["reached"]), (5, 3, 3))
        self.assertEqual(sorted(kindling["minutes"]), [1.0, 2.0, 2.0, math.inf, math.inf])
        # The fifth pair says nothing: neither came there.
        self.assertEqual(kindling["sooner_than_notebook"]["ratios"], [5.0, 2.0, 0.0, math.inf])
        self.assertEqual(notebook["kindling_sooner"]["ratios"], [5.0, 2.0, 0.0, math.inf])
        self.assertEqual(answer.middle([5.0, 2.0, 0.0, math.inf], ".1f"), "3.5 (0.0 to ∞)")

    def test_the_signed_ranks(self):
        # All ten on one side: 2 of 1,024 ways. The rest as scipy.stats.wilcoxon(logs, method="exact") has them.
        self.assertEqual(answer.signed_rank([2.0 + i for i in range(10)]), 2 / 1024)
        self.assertEqual(answer.signed_rank([3.0, 1.5, 0.5, 4.0, 1.2]), 0.3125)
        self.assertEqual(answer.signed_rank([0.25, 0.0, 0.8]), 0.25)
        # Equals share a rank (1½ each: one way of four lies beyond on either side), and ties say nothing.
        self.assertEqual(answer.signed_rank([2.0, 2.0, 1.0]), 0.5)
        self.assertEqual(answer.signed_rank([1.0]), 1.0)


if __name__ == "__main__":
    unittest.main()
