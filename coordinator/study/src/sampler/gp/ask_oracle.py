"""What other packages make of the cases of `tests/oracle.rs`: reads them as JSON from standard input, adds the answers, and prints
them.

Posteriors and likelihoods are scikit-learn's, with a kernel put together from its Matérn kernels. Gradients are
PyTorch's, by automatic differentiation of the same kernel written once more. Logarithms of expected improvements are
Optuna's; where that has few digits left, mpmath has as many as we like, and both are compared. Fits are SciPy's."""

import json
import sys

import mpmath
import numpy as np
import optuna
import torch
from optuna._gp import acqf
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Kernel, Matern

assert optuna.__version__ == "5.0.0", f"Optuna is {optuna.__version__}, not 5.0.0"
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
mpmath.mp.dps = 60


def close(a, b, tolerance=1e-8):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return bool(np.all(np.abs(a - b) <= tolerance * (1 + np.abs(b))))


# The space


def count(d):
    """How many values there are; 0 if they are continuous."""
    if d["type"] == "categorical":
        return len(d["choices"])
    if d["type"] == "int":
        return (d["high"] - d["low"]) // d["step"] + 1
    if isinstance(d["scale"], dict):
        return int(np.floor((d["high"] - d["low"]) / d["scale"]["step"] + 1e-9)) + 1
    return 1 if d["low"] == d["high"] else 0


def coordinate(d, x):
    if d["type"] == "categorical":
        return float(x)
    low, high = d["low"], d["high"]
    if d["type"] == "int":
        if d["log"]:
            low, high = np.log(low - 0.5), np.log(high + 0.5)
            return (np.log(x) - low) / (high - low)
        return ((x - low) // d["step"] + 0.5) / count(d)
    if isinstance(d["scale"], dict):
        return (round((x - low) / d["scale"]["step"]) + 0.5) / count(d)
    if d["scale"] == "log":
        return (np.log(x) - np.log(low)) / (np.log(high) - np.log(low))
    return (x - low) / (high - low)


class Space:
    """Which terms the kernel has, each with a name, its dimensions, and its gate."""

    def __init__(self, case):
        self.distributions = case["space"]
        self.places = [i for i, d in enumerate(case["space"]) if count(d) != 1]
        self.is_choice = [case["space"][i]["type"] == "categorical" for i in self.places]
        groups = {}
        for place, conditions in enumerate(case["conditions"]):
            merged = {}
            for parent, choices in conditions:
                merged[parent] = merged.get(parent, set(choices)) & set(choices)
            key = frozenset((parent, frozenset(choices)) for parent, choices in merged.items())
            groups.setdefault(key, []).append(place)
        dimension = {place: d for d, place in enumerate(self.places)}
        everything = list(range(len(self.places)))
        self.terms = [("joint", everything, None)] if len(everything) > 1 else []
        for key, places in groups.items():
            own = [dimension[place] for place in places if place in dimension]
            if key and len(own) > 1:
                self.terms.append(("joint", own, own[0]))
            self.terms += [("own", [d], d if key else None) for d in own]

    def rows(self, trials):
        """Coordinates with what stands for inactive ones, and whether each is active."""
        at, active = [], []
        for trial in trials:
            row = [
                (0.5 if not choice else -1.0) if trial[i] is None else coordinate(self.distributions[i], trial[i])
                for i, choice in zip(self.places, self.is_choice)
            ]
            at.append(row)
            active.append([float(trial[i] is not None) for i in self.places])
        return np.array(at), np.array(active)

    def split(self, logarithms):
        values = list(np.exp(logarithms)) if not torch.is_tensor(logarithms) else list(torch.exp(logarithms))
        variances, values = values[: len(self.terms)], values[len(self.terms) :]
        weights = []
        for _, dimensions, _ in self.terms:
            weights.append(values[: len(dimensions)])
            values = values[len(dimensions) :]
        pairs, noise = values
        return variances, weights, pairs, noise


# The kernel of scikit-learn's parts


class Terms(Kernel):
    """A sum of Matérn kernels, and of the products of two own ones. A row is all coordinates, then all gates."""

    def __init__(self, space, logarithms):
        self.space, self.logarithms = space, logarithms

    def embedded(self, X, dimensions, lengths):
        """Coordinates, and for choices one column for each, such that different ones are at distance 1."""
        columns, scales = [], []
        for d, length in zip(dimensions, lengths):
            if self.space.is_choice[d]:
                for choice in range(-1, 12):
                    columns.append((X[:, d] == choice) / np.sqrt(2))
                    scales.append(length)
            else:
                columns.append(X[:, d])
                scales.append(length)
        return np.array(columns).T, scales

    def __call__(self, X, Y=None, eval_gradient=False):
        Y = X if Y is None else Y
        variances, weights, pairs, _ = self.space.split(self.logarithms)
        n = len(self.space.places)
        joint, own = np.zeros((len(X), len(Y))), []
        for (kind, dimensions, gate), variance, weight in zip(self.space.terms, variances, weights):
            lengths = [np.sqrt(5 / w) for w in weight]
            (a, scales), (b, _) = self.embedded(X, dimensions, lengths), self.embedded(Y, dimensions, lengths)
            matrix = variance * Matern(length_scale=scales, nu=2.5)(a, b)
            if gate is not None:
                matrix = matrix * np.outer(X[:, n + gate], Y[:, n + gate])
            if kind == "own":
                own.append(matrix)
            else:
                joint += matrix
        for i, matrix in enumerate(own):
            joint += matrix
            for other in own[:i]:
                joint += pairs * matrix * other
        return (joint, np.empty((len(X), len(X), 0))) if eval_gradient else joint

    def diag(self, X):
        return np.array([self(x[None])[0, 0] for x in X])

    def is_stationary(self):
        return False


# The same in PyTorch


def covariances(space, logarithms, a, b):
    """Of points (coordinates and gates each)."""
    variances, weights, pairs, _ = space.split(logarithms)
    (x, x_active), (y, y_active) = a, b
    joint, own = torch.zeros(len(x), len(y)), []
    for (kind, dimensions, gate), variance, weight in zip(space.terms, variances, weights):
        u = 0
        for d, w in zip(dimensions, weight):
            difference = x[:, None, d] - y[None, :, d]
            u = u + w * ((difference != 0).double() if space.is_choice[d] else difference**2)
        root = torch.sqrt(torch.clamp(u, min=1e-300))
        matrix = variance * (1 + root + u / 3) * torch.exp(-root)
        if gate is not None:
            matrix = matrix * x_active[:, None, gate] * y_active[None, :, gate]
        if kind == "own":
            own.append(matrix)
        else:
            joint = joint + matrix
    for i, matrix in enumerate(own):
        joint = joint + matrix
        for other in own[:i]:
            joint = joint + pairs * matrix * other
    return joint


def negative_log_likelihood(space, logarithms, trials, y):
    K = covariances(space, logarithms, trials, trials) + torch.exp(logarithms[-1]) * torch.eye(len(y))
    L = torch.linalg.cholesky(K)
    z = torch.linalg.solve_triangular(L, y[:, None], upper=False)
    return 0.5 * (z**2).sum() + torch.log(torch.diagonal(L)).sum() + len(y) / 2 * np.log(2 * np.pi)


# Expected improvement


def exact_log_h(z):
    """`ln h(z)` with `h = φ(z) + z Φ(z)`, and its derivative."""
    z = mpmath.mpf(float(z))
    density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
    below = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
    h = density + z * below
    return mpmath.log(h), below / h


class LogH(torch.autograd.Function):
    @staticmethod
    def forward(context, z):
        exact = [exact_log_h(x) for x in z.flatten()]
        context.slope = torch.tensor([float(slope) for _, slope in exact]).reshape(z.shape)
        return torch.tensor([float(value) for value, _ in exact]).reshape(z.shape)

    @staticmethod
    def backward(context, gradient):
        return gradient * context.slope


def log_expected_improvement(least, mean, deviation):
    value = LogH.apply((least - mean) / deviation) + torch.log(deviation)
    # Optuna maximises.
    optunas = acqf.logei(-mean.detach(), deviation.detach() ** 2, -least)
    assert close(value.detach(), optunas), (value, optunas)
    return value


def improvement(case):
    least, mean, deviation = case["least"], case["mean"], case["deviation"]
    value, slope = exact_log_h((mpmath.mpf(least) - mpmath.mpf(mean)) / mpmath.mpf(deviation))
    z = (mpmath.mpf(least) - mpmath.mpf(mean)) / mpmath.mpf(deviation)
    case["value"] = float(value + mpmath.log(deviation))
    case["by_mean"] = float(-slope / deviation)
    case["by_deviation"] = float((1 - z * slope) / deviation)
    m, s = torch.tensor([-mean], requires_grad=True), torch.tensor([deviation], requires_grad=True)
    optunas = acqf.logei(m, s**2, -least)
    assert close(optunas.item(), case["value"]), (case, optunas)
    # Further out Optuna's has no gradient: it is one of a logarithm of 0.
    if z > -25:
        optunas.backward()
        assert close(-m.grad.item(), case["by_mean"], 1e-6) and close(s.grad.item(), case["by_deviation"], 1e-6), case


# Answers


def answer(case):
    space = Space(case)
    at, active = space.rows(case["trials"])
    finished = len(at) - case["running"]
    logarithms = np.array(case["logarithms"])
    noise = np.exp(logarithms[-1])
    X = np.hstack([at, active])
    P = np.hstack(space.rows(case["points"]))
    y = np.array(case["futures"][0][:finished])

    def regressor(X, y):
        gp = GaussianProcessRegressor(Terms(space, logarithms), alpha=noise, optimizer=None)
        return gp.fit(X, y)

    gp = regressor(X[:finished], y)
    answers = {"likelihood": -float(gp.log_marginal_likelihood_value_)}
    if case["running"]:
        mean, covariance = gp.predict(X[finished:], return_cov=True)
        answers["running_mean"] = mean.tolist()
        answers["running_covariance"] = (covariance + noise * np.eye(len(mean))).tolist()

    means, least = [], []
    for future in case["futures"]:
        gp = regressor(X, np.array(future))
        mean, deviation = gp.predict(P, return_std=True)
        means.append(mean.tolist())
        least.append(float(gp.predict(X).min()))
    answers |= {"means": means, "deviations": deviation.tolist(), "least": least}

    trials = (torch.tensor(at), torch.tensor(active))
    observed = tuple(rows[:finished] for rows in trials)
    of_fit = torch.tensor(logarithms, requires_grad=True)
    likelihood = negative_log_likelihood(space, of_fit, observed, torch.tensor(y))
    assert close(likelihood.item(), answers["likelihood"])
    likelihood.backward()
    answers["likelihood_gradient"] = of_fit.grad.tolist()

    fixed = torch.tensor(logarithms)
    n = len(space.places)
    x = torch.tensor(P[:, :n], requires_grad=True)
    points = (x, torch.tensor(P[:, n:]))
    K = covariances(space, fixed, trials, trials) + noise * torch.eye(len(at))
    L = torch.linalg.cholesky(K)
    k = covariances(space, fixed, trials, points)
    solved = torch.linalg.solve_triangular(L, k, upper=False)
    prior = torch.stack([covariances(space, fixed, p, p)[0, 0] for p in ((points[0][i : i + 1], points[1][i : i + 1]) for i in range(len(P)))])
    deviation = torch.sqrt(prior - (solved**2).sum(0))
    assert close(deviation.detach(), answers["deviations"])
    values = []
    for future, least in zip(case["futures"], answers["least"]):
        alpha = torch.cholesky_solve(torch.tensor(future)[:, None], L)
        values.append(log_expected_improvement(least, (k.T @ alpha)[:, 0], deviation))
    value = torch.logsumexp(torch.stack(values), 0) - np.log(len(values))
    answers["improvements"] = value.tolist()
    answers["slopes"] = [[0.0] * n] * len(P)
    # Along choices there are no slopes.
    if not all(space.is_choice):
        value.sum().backward()
        answers["slopes"] = torch.where(torch.tensor(space.is_choice)[None], 0.0, x.grad).tolist()

    priors = torch.tensor(case["priors"])

    def loss(x):
        x = torch.tensor(x, requires_grad=True)
        z = (x - priors[:, 0]) / priors[:, 1]
        value = negative_log_likelihood(space, x, observed, torch.tensor(y)) + 0.5 * (z**2).sum()
        value.backward()
        return value.item(), x.grad.numpy()

    mean, deviation = priors.T.numpy()
    answers["prior_loss"] = loss(logarithms)[0]
    fit = minimize(
        loss,
        mean,
        jac=True,
        method="L-BFGS-B",
        bounds=np.stack([mean - 4 * deviation, mean + 4 * deviation], 1),
        options={"maxiter": 1000, "maxfun": 2000, "ftol": 1e-13, "gtol": 1e-7},
    )
    answers["fitted"] = float(fit.fun)
    case["answers"] = answers


cases = json.load(sys.stdin)
for case in cases["improvements"]:
    improvement(case)
for case in cases["models"]:
    answer(case)
json.dump(cases, sys.stdout)
