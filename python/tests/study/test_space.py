"""Search spaces."""

import math

import pytest

from kindling import Categorical, Float, Int, KindlingError
from kindling.space import tables


def test_a_space_is_what_a_study_file_says() -> None:
    space = {
        "optimizer": Categorical(["sgd", "adam", True, 3, 0.5]),
        "rate": Float(1e-5, 1e-1, log=True),
        "dropout": Float(0, 0.5, step=0.1),
        "layers": Int(1, 8, step=2, when={"optimizer": ["sgd", "adam"]}),
        "momentum": Float(0, 0.99, when={"optimizer": "sgd"}),
    }
    assert tables(space) == {
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam", True, 3, 0.5]},
        "rate": {"type": "float", "low": 1e-5, "high": 0.1, "log": True},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5, "step": 0.1},
        "layers": {"type": "int", "low": 1, "high": 8, "step": 2, "when": {"optimizer": ["sgd", "adam"]}},
        "momentum": {"type": "float", "low": 0.0, "high": 0.99, "when": {"optimizer": "sgd"}},
    }


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Float(2, 1), "low = 2.0 is above high = 1.0"),
        (lambda: Float(0, 1, log=True), "low > 0"),
        (lambda: Float(0, math.inf), "finite"),
        (lambda: Float(math.nan, 1), "finite"),
        (lambda: Float(-1e308, 1e308), "too wide"),
        (lambda: Float(10**400, 1), "too large"),
        (lambda: Float("0", 1), "low is a number, not '0'"),
        (lambda: Float(0, high=True), "high is a number, not True"),
        (lambda: Float(0, 1, step=0), "step is above 0"),
        (lambda: Float(1, 2, step=0.1, log=True), "no step"),
        (lambda: Float(0, 1, log=1), "log is True or False"),
        (lambda: Int(0, 1, log=True), "low ≥ 1"),
        (lambda: Int(0, 1.5), "kindling.Float takes fractions"),
        (lambda: Int(0, 2**63), "64 bits"),
        (lambda: Int(-(2**63), 2**63 - 1), "wider"),
        (lambda: Int(1, 9, step=2, log=True), "no step"),
        (lambda: Categorical([]), "at least one"),
        (lambda: Categorical("sgd"), "a list, not 'sgd'"),
        (lambda: Categorical(["a", "a"]), "'a' stands there twice"),
        (lambda: Categorical([0.0, -0.0]), "twice"),
        (lambda: Categorical([None, "x", None]), "None stands there twice"),
        (lambda: Categorical([(64, 32), [64, 32]]), r"\[64, 32\] stands there twice"),
        (lambda: Categorical([{"a": 1, "b": 2}, {"b": 2, "a": 1}]), "stands there twice"),
        (lambda: Categorical([len]), "not <built-in function len>\nhint: name it by a text"),
        (lambda: Categorical([[len]]), "or a list or dict of these"),
        (lambda: Categorical([{1: 2}]), "or a list or dict of these"),
        (lambda: Categorical([[math.inf]]), "finite"),
        (lambda: Categorical([math.nan]), "finite"),
        (lambda: Categorical([2**64]), "64 bits"),
        (lambda: Float(0, 1, when="sgd"), "when is a dict"),
        (lambda: Float(0, 1, when={"p": []}), "when `p`: at least one"),
        (lambda: Float(0, 1, when={"p": {"at_last": 2}}), "what is.*\nhint: a range is"),
        (lambda: Float(0, 1, when={"p": {}}), "a range is"),
        (lambda: Float(0, 1, when={"p": {"at_least": "2"}}), "at_least is a number, not '2'"),
        (lambda: Float(0, 1, when={"p": {"at_least": 2**53 + 1}}), "beyond 2"),
        (lambda: Float(0, 1, when={"p": {"at_least": 3, "at_most": 2}}), "at_least = 3 is above at_most = 2"),
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(KindlingError, match=says):
        make()


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({}, "at least one parameter"),
        ([1], "is a dict"),
        ({"x": (0, 1)}, r"`x` is a Float.*not \(0, 1\)"),
        ({" ": Int(0, 1)}, "not empty"),
        ({1: Int(0, 1)}, "is a text"),
        ({"x": Float(0, 1, when={"y": 1})}, "`x` depends on `y`.*no such parameter"),
        ({"x": Float(0, 1, when={"y": 4}), "y": Int(0, 3)}, "being 4, which it never is\nhint: it is a whole number"),
        ({"x": Float(0, 1, when={"y": True}), "y": Int(0, 3)}, "being True, which it never is"),
        ({"x": Float(0, 1, when={"y": 1}), "y": Float(0, 3)}, "that is a Float\nhint: a Float is in a range"),
        ({"x": Float(0, 1, when={"y": {"at_least": 4}}), "y": Int(0, 3)}, "that it never is in"),
        ({"x": Float(0, 1, when={"y": {"at_least": 4}}), "y": Categorical([4])}, "stands in a list"),
        ({"x": Float(0, 1, when={"y": "b"}), "y": Categorical(["a"])}, "being 'b', which it never is\nhint: it is 'a'"),
        ({"x": Float(0, 1, when={"y": 1}), "y": Categorical([True])}, "being 1, which it never is"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(space: object, says: str) -> None:
    with pytest.raises(KindlingError, match=says):
        tables(space)  # type: ignore[arg-type]


def test_true_and_1_are_different_choices() -> None:
    assert Categorical([True, 1, 1.0]).choices == (True, 1, 1.0)


def test_none_is_a_word_that_no_choice_is() -> None:
    space = {
        "depth": Categorical([None, "None", 3, ["None_", None, {"a": (1, 1.0)}]]),
        "x": Float(0, 1, when={"depth": [None, 3]}),
        "y": Float(0, 1, when={"depth": None}),
        "z": Float(0, 1, when={"n": {"at_least": 2, "at_most": 2.5}}),
        "n": Int(1, 9),
        "u": Float(0, 1, when={"n": [2, 3]}),
    }
    made = tables(space)
    assert made["depth"] == {
        "type": "categorical",
        "choices": ["None__", "None", 3, ["None_", "None__", {"a": [1, 1.0]}]],
        "none": "None__",
    }
    assert [made[name]["when"] for name in "xyzu"] == [
        {"depth": ["None__", 3]},
        {"depth": "None__"},
        {"n": {"at_least": 2, "at_most": 2.5}},
        {"n": [2, 3]},
    ]


def test_distributions_can_be_compared_and_hashed() -> None:
    assert len({Float(0, 1), Float(0.0, 1.0), Int(0, 1, when={"a": "b"})}) == 2


def test_numbers_of_numpy_are_taken_as_pythons() -> None:
    np = pytest.importorskip("numpy")
    table = Categorical(np.arange(3)).table()
    assert table["choices"] == [0, 1, 2]
    assert {type(choice) for choice in table["choices"]} == {int}
    assert Float(np.float32(0.5), np.int64(2)).high == 2.0
