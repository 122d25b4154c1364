"""Makes the tables of `real.py` that are not of a package: trains every pipeline of a space with scikit-learn on data
that it brings, and prints the loss and the parameters that are active. A quarter of an hour of one core.

    cd tests/peers/sampling && python -m problems.train pipeline-digits > problems/pipeline-digits.csv"""

import sys
import warnings

from sklearn import datasets, ensemble, linear_model, model_selection, neighbors, preprocessing, svm
from sklearn.pipeline import make_pipeline

from .real import TRAINED, key
from .space import Param, Values


def values_of(param: Param) -> list:
    if param.choices is not None:
        return list(param.choices)
    step = param.step or 1
    return [param.low + i * step for i in range(round((param.high - param.low) / step) + 1)]


def combinations(params: list[Param], values: Values | None = None):
    """All of those whose conditions hold."""
    values = values or {}
    if not params:
        yield values
        return
    first, *rest = params
    for value in values_of(first) if first.is_active(values) else [None]:
        yield from combinations(rest, values if value is None else values | {first.name: value})


def regressor(v: Values):
    match v["model"]:
        case "svm":
            return svm.SVR(C=10 ** v["cost"], gamma=10 ** v["gamma"])
        case "forest":
            return ensemble.RandomForestRegressor(
                50, max_features=v["features"], min_samples_leaf=v["leaf"], random_state=0
            )
        case "boosting":
            return ensemble.GradientBoostingRegressor(
                n_estimators=2 ** v["rounds"], learning_rate=10 ** v["rate"], max_depth=v["depth"], random_state=0
            )
        case "nearest":
            return neighbors.KNeighborsRegressor(v["neighbours"], weights=v["weights"])
        case "linear":
            return linear_model.ElasticNet(10 ** v["penalty"], l1_ratio=v["l1"])


def classifier(v: Values):
    match v["model"]:
        case "svm":
            kernel = {"rbf": "rbf", "polynomial": "poly", "linear": "linear"}[v["kernel"]]
            gamma = 10 ** v["gamma"] if "gamma" in v else "scale"
            return svm.SVC(C=10 ** v["cost"], kernel=kernel, gamma=gamma, degree=v.get("degree", 3), max_iter=2000)
        case "forest":
            return ensemble.RandomForestClassifier(
                50, max_features=v["features"], min_samples_leaf=v["leaf"], random_state=0
            )
        case "nearest":
            return neighbors.KNeighborsClassifier(v["neighbours"], p=v["power"], weights=v["weights"])
        case "linear":
            return linear_model.LogisticRegression(C=10 ** -v["penalty"], max_iter=100)


def main(name: str) -> None:
    warnings.simplefilter("ignore")
    if name == "pipeline-diabetes":
        make, (x, y) = regressor, datasets.load_diabetes(return_X_y=True, scaled=False)
        folds, scoring, best = model_selection.KFold(5, shuffle=True, random_state=0), "neg_mean_squared_error", 0.0
    else:
        make, (x, y) = classifier, datasets.load_digits(return_X_y=True)
        x, y = x[:1000], y[:1000]
        folds, scoring, best = model_selection.StratifiedKFold(3, shuffle=True, random_state=0), "accuracy", 1.0
    for values in combinations(TRAINED[name]):
        model = make(values)
        if values.get("scale") == "standard":
            model = make_pipeline(preprocessing.StandardScaler(), model)
        loss = best - model_selection.cross_val_score(model, x, y, cv=folds, scoring=scoring).mean()
        print(",".join([f"{loss:.7g}", *key(TRAINED[name], values)]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
