"""What the comparisons call equal work is that: `python test_studies.py`."""

import pathlib
import tempfile
import tomllib
import unittest
from unittest import mock

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


if __name__ == "__main__":
    unittest.main()
