"""A script that runs by itself."""

import pytest

import kindling


def test_alone_a_trial_takes_its_defaults_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    trial = kindling.current_trial(defaults={"lr": 1e-3})
    assert trial.alone
    assert trial.params == {"lr": 1e-3}
    assert trial.device == "cpu"
    trial.report(0.91, step=3)
    trial.set_user_attr("a", [1])
    assert not trial.should_prune()
    trial.check()
    trial.complete([0.93, 2])
    assert capsys.readouterr().out == "step 3: 0.91\na: [1]\nvalue: 0.93, 2\n"
    assert trial.user_attrs == {"a": [1]}


def test_alone_all_metrics_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    kindling.current_trial().report({"loss": 0.2, "accuracy": 0.91}, step=3)
    assert capsys.readouterr().out == "step 3: loss=0.2 accuracy=0.91\n"


def test_alone_what_is_no_report_is_an_error_as_well() -> None:
    with pytest.raises(kindling.KindlingError, match="whole number"):
        kindling.current_trial().report(3, 0.91)


def test_an_empty_variable_is_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDLING_SOCKET", "")
    assert kindling.current_trial().alone


def test_defaults_that_come_later_are_taken() -> None:
    kindling.current_trial(defaults={"a": 1})
    assert kindling.current_trial(defaults={"a": 2, "b": 3}).params == {"a": 1, "b": 3}


def test_a_suggestion_alone_is_the_default_or_the_middle() -> None:
    trial = kindling.current_trial(defaults={"given": 0.25})
    assert trial.suggest_float("given", 0, 1) == 0.25
    assert trial.suggest_float("x", 0, 1) == 0.5
    assert trial.suggest_float("log", 1e-5, 1e-1, log=True) == pytest.approx(1e-3)
    assert trial.suggest_float("stepped", 0, 1, step=0.25) == 0.5
    assert trial.suggest_int("n", 1, 4) == 2
    assert trial.suggest_int("even", 2, 10, step=2) == 6
    assert trial.suggest_int("width", 1, 64, log=True) == 8
    assert trial.suggest_categorical("c", ["a", None]) == "a"
    assert trial.params["width"] == 8
    assert trial.suggest_int("width", 1, 64, log=True) == 8


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda t: t.suggest_float("given", 1, 2), "`given` is 0.25; this code expects a number from 1 to 2"),
        (lambda t: t.suggest_int("given", 0, 2), "a whole number from 0 to 2"),
        (lambda t: t.suggest_categorical("given", ["a", None]), "one of 'a', None"),
        (lambda t: t.suggest_categorical("flag", [1, 0]), "one of 1, 0"),
        (lambda t: t.suggest_float("x", 2, 1), "expected low <= high"),
        (lambda t: t.suggest_float("x", float("nan"), 1), "expected low <= high"),
        (lambda t: t.suggest_float("x", 0, 1, log=True), "expected low above 0"),
        (lambda t: t.suggest_categorical("x", []), "has no choices"),
        (lambda t: t.suggest_int("word", 0, 1), "a whole number"),
        (lambda t: t.suggest_int("endless", 0, 1), "a whole number"),
    ],
)
def test_a_value_that_the_code_does_not_expect_is_an_error(ask, said: str) -> None:
    trial = kindling.current_trial(defaults={"given": 0.25, "flag": True, "word": "x", "endless": float("inf")})
    with pytest.raises(kindling.KindlingError, match=said):
        ask(trial)


def test_a_suggestion_in_a_worker_is_the_studys_value_and_never_the_default(folder, monkeypatch) -> None:
    from worker import Run, Worker, facts

    with Worker(folder, one=Run(facts(lr=0.5, n=3.0, c=True))) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        trial = kindling.current_trial()
        assert trial.suggest_float("lr", 0, 1) == 0.5
        n = trial.suggest_int("n", 1, 4)
        assert (n, type(n)) == (3, int)
        assert trial.suggest_categorical("c", [1, True]) is True
        kindling.current_trial(defaults={"lrr": 7})
        with pytest.raises(kindling.KindlingError, match=r"no parameter `lrr`.*\n.*did you mean `lr`"):
            trial.suggest_float("lrr", 0, 10)
