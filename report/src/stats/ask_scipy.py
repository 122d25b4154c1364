"""SciPy's answer to cases of `tests.rs`: reads a JSON list of cases from standard input, adds to each sample what SciPy
1.17.1 says of it, and prints the list. `cases.json` is such a list:

    python ask_scipy.py < cases.json > answers.json && mv answers.json cases.json"""

import json
import sys
import warnings

import numpy as np
import scipy
from scipy import stats

assert scipy.__version__ == "1.17.1", f"SciPy is {scipy.__version__}, not 1.17.1"
warnings.simplefilter("ignore")

cases = json.load(sys.stdin)
for case in cases:
    x = np.array(case["sample"], float)
    interval = stats.t.interval(0.95, len(x) - 1, loc=x.mean(), scale=stats.sem(x))
    case["mean"] = x.mean()
    case["sd"] = x.std(ddof=1)
    case["low"], case["high"] = (float(end) for end in interval)
    # A paired test is one of the differences, here from 0.
    case["p_t"] = stats.ttest_rel(x, np.zeros_like(x)).pvalue
    case["p_wilcoxon"] = stats.wilcoxon(x).pvalue
json.dump(cases, sys.stdout, indent=1)
print()
