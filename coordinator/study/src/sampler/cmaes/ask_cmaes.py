"""What the package `cmaes` makes of the cases of `tests.rs`: reads a JSON list of cases from standard input, adds to each generation
the mean, step size, covariance and margins' factors after it, and prints the list.

A case has the largest whole number of each grid (0 on a continuous line), the mean and step size at the start, and
generations of points with their losses. All are shares of the lines; on a line of whole numbers from 0 to n, k is at
(k + 1/2) / (n + 1)."""

import json
import sys

import numpy as np
from cmaes import CMA, CMAwM

cases = json.load(sys.stdin)
for case in cases:
    population = len(case["generations"][0]["points"])
    grids = np.array(case["grids"], float)
    more = {"sigma": case["step"], "population_size": population, "seed": 0}
    steps = np.where(grids > 0, 1 / (grids + 1), 0.0)
    edges = steps / 2
    if grids.any():
        bounds = np.stack([edges, 1 - edges], axis=1)
        bounds[grids == 0] = -1e9, 1e9
        optimizer = CMAwM(np.array(case["mean"]), bounds=bounds, steps=steps, **more)
        inner = optimizer._cma
    else:
        optimizer = inner = CMA(np.array(case["mean"]), **more)
    for generation in case["generations"]:
        optimizer.tell([(np.array(x), loss) for x, loss in zip(generation["points"], generation["losses"])])
        generation["mean"] = inner._mean.tolist()
        generation["step"] = float(inner._sigma)
        generation["covariance"] = inner._C.tolist()
        generation["stretch"] = optimizer._A.tolist() if grids.any() else []
json.dump(cases, sys.stdout)
