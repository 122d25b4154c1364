"""Creating studies and looking at them, at a real coordinator."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="the client is an extra")

import kindling
from coordinators import PROGRAM, SPACE, Coordinator, needs_program
from kindling.client import (
    AccessDeniedError,
    Client,
    InvalidArgumentError,
    RefusedError,
    StudyExistsError,
    TrialState,
    UnknownStudyError,
    UnknownTrialError,
    UnreachableError,
)

pytestmark = needs_program


@pytest.fixture
def coordinator(folder: Path) -> Iterator[Coordinator]:
    started = Coordinator(folder)
    yield started
    started.end()


@pytest.fixture
def client(coordinator: Coordinator) -> Iterator[Client]:
    with kindling.connect(coordinator.address) as connected:
        yield connected


def create(client: Client, name: str = "mine", **given: Any) -> Any:
    return client.create(name, **{"space": SPACE, "direction": "minimize", "trials": 10, **given})


def test_a_study_says_what_it_was_made_of(client: Client) -> None:
    space = {
        "optimizer": kindling.Categorical(["sgd", "adam"]),
        "momentum": kindling.Float(0, 0.99, when={"optimizer": "sgd"}),
        "layers": kindling.Int(1, 8),
    }
    pruner = {"kind": "patience", "patience": 3, "wrapped": {"kind": "median", "warmup_steps": 2}}
    objective = {"kind": "mnist_cnn", "data": "digits", "max_epochs": 3}
    study = create(
        client, space=space, pruner=pruner, objective=objective, seed=7, direction="maximize", sampler="sobol"
    )
    info = study.info()
    assert (info.name, info.directions, info.trials, info.seed, info.state) == ("mine", ("maximize",), 10, 7, "ACTIVE")
    assert (info.objective, info.settings) == ("mnist_cnn", {"data": "digits", "max_epochs": 3})
    assert (info.sampler["kind"], info.pruner["wrapped"]["warmup_steps"]) == ("sobol", 2)
    assert list(info.space) == ["optimizer", "momentum", "layers"]
    assert info.space["momentum"] == {"type": "float", "low": 0.0, "high": 0.99, "when": {"optimizer": ["sgd"]}}
    assert info.best is None
    with pytest.raises(UnknownTrialError, match="complete yet"):
        _ = study.best_trial


def test_the_same_words_make_the_same_study_and_others_are_refused(client: Client) -> None:
    create(client)
    assert create(client, trials=20).info().trials == 10
    with pytest.raises(StudyExistsError, match="another name"):
        create(client, seed=1)
    with pytest.raises(StudyExistsError, match="exist_ok"):
        create(client, exist_ok=False)
    assert [study.name for study in client.studies()] == ["mine"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sampler": "tpa"}, "did you mean `tpe`"),
        ({"sampler": {"kind": "tpe", "startup": 3}}, "startup"),
        ({"space": {"x": SPACE["x"], "y": {**SPACE["x"], "when": {"x": 1}}}}, "a range is needed"),
        ({"space": {f"x{i}": SPACE["x"] for i in range(1001)}}, "1,?000"),
        ({"objective": {"kind": "k", "text": "x" * 600_000}}, "at most 524,288"),
        ({"objective": {"kind": "k", "text": "x" * 300_000}}, "262144|256"),
        ({"name": "a\nb"}, "printable"),
        ({"name": ""}, "empty"),
    ],
)
def test_a_study_that_the_coordinator_refuses_is_refused_in_its_words(
    client: Client, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        create(client, **{"name": "mine", **wrong})
    assert client.studies() == []


def test_an_unknown_study_is_told_the_nearest_name(client: Client) -> None:
    create(client, "resnet")
    with pytest.raises(UnknownStudyError, match="did you mean `resnet`"):
        client.study("resent")
    with pytest.raises(UnknownStudyError, match=r"client\.studies"):
        client.study("quite different")
    with pytest.raises(UnknownTrialError, match="no trial 3"):
        client.study("resnet").trial(3)


@pytest.mark.parametrize("name", ["größe ✓ 深度", "a/b?c#d", "-x", "x" * 512, "'; drop table", "e\u0301"])
def test_a_name_is_kept_byte_for_byte(client: Client, name: str) -> None:
    study = create(client, name, space={name[:100]: kindling.Categorical([name, "\u202e", "$(x)"])})
    study.enqueue({name[:100]: name})
    with study.ask() as trial:
        assert trial.params == {name[:100]: name}
        trial.set_user_attr(name, {name: [None, True, 0.1]})
        trial.tell(1.0)
    best = client.study(name).best_trial
    assert (best.params, best.user_attrs) == ({name[:100]: name}, {name: {name: [None, True, 0.1]}})


def test_trials_are_read_page_by_page(client: Client) -> None:
    study = create(client, trials=1_105, sampler="random")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: study.enqueue({"x": i / 1000}), range(1_100)))
    trials = study.trials()
    assert [trial.number for trial in trials] == list(range(1_100))
    assert sorted(trial.params["x"] for trial in trials) == [i / 1000 for i in range(1_100)]
    assert {trial.state for trial in trials} == {TrialState.WAITING}
    with study.ask() as trial:
        trial.tell(0.5)
    assert [t.number for t in study.trials([TrialState.COMPLETE])] == [0]
    assert len(study.trials([TrialState.COMPLETE, TrialState.WAITING])) == 1_100
    assert study.trials([]) == []
    assert len(study.to_pandas()) == 1_100


def test_an_enqueued_trial_keeps_what_is_fixed_and_counts(client: Client) -> None:
    study = create(client, trials=1)
    assert study.enqueue({"x": 2}).params == {"x": 2.0}
    with pytest.raises(RefusedError, match=r"resume\(trials=N\)"):
        study.enqueue({"x": 1})
    for wrong, said in (
        ({"y": 1}, "not in the search space"),
        ({"x": 99}, "not in -5 to 5"),
        ({"x": None}, "null is not in -5 to 5"),
    ):
        with pytest.raises(InvalidArgumentError, match=said):
            study.enqueue(wrong)
    study.resume(trials=2)
    assert study.enqueue({}).number == 1


def test_a_failed_trial_is_retried_with_its_parameters(client: Client) -> None:
    study = create(client, trials=1)
    study.ask().fail("no luck")
    failed = study.trial(0)
    assert (failed.state, failed.fail_reason) == (TrialState.FAIL, "no luck")
    assert study.info().failures[0].reason == "no luck"
    assert study.retry(0).params == failed.params
    assert study.ask().params == failed.params
    with pytest.raises(RefusedError, match="did not fail"):
        study.retry(1)


def test_a_study_is_paused_resumed_stopped_and_deleted(client: Client) -> None:
    study = create(client)
    assert study.pause().state == "PAUSED"
    assert study.ask(wait=0) is None
    assert study.resume().state == "ACTIVE"
    trial = study.ask(wait=5)
    with pytest.raises(RefusedError, match=r"study\.stop\(\)"):
        study.delete()
    assert study.stop().state == "STOPPED"
    study.delete()
    assert client.studies() == []
    with pytest.raises(UnknownStudyError):
        study.info()
    with pytest.raises(kindling.KindlingError):
        trial.tell(1.0)


def test_trials_become_a_table_with_optunas_columns(client: Client) -> None:
    study = create(client, trials=3, space={**SPACE, "c": kindling.Categorical(["a"])})
    first = study.ask()
    first.set_user_attr("accuracy", 0.5)
    first.tell(2.0)
    study.ask()
    table = study.to_pandas()
    columns = ["number", "value", "datetime_start", "datetime_complete", "duration", "params_c", "params_x"]
    assert list(table.columns) == [*columns, "user_attrs_accuracy", "state"]
    assert list(table["state"]) == ["COMPLETE", "RUNNING"]
    assert table["value"][0] == 2.0
    assert table["value"].isna()[1]
    assert table["duration"][0].total_seconds() >= 0
    assert list(create(client, "empty").to_pandas().columns) == [*columns[:5], "state"]


def tokens(folder: Path) -> dict[str, Path]:
    subprocess.run(
        [PROGRAM, "token", "create", "worker.token", "client.token"], cwd=folder, check=True, capture_output=True
    )
    return {"token_file": folder / "client.token", "worker_token_file": folder / "worker.token"}


def test_each_token_opens_its_own_door(folder: Path) -> None:
    given = tokens(folder)
    coordinator = Coordinator(folder, "--client-token-file=client.token", "--worker-token-file=worker.token")
    try:
        with kindling.connect(coordinator.address, **given) as client:
            create(client).ask().tell(1.0)
            assert client.study("mine").best_value == 1.0
        for token in (None, "wrong" * 5):
            with pytest.raises(AccessDeniedError, match="token_file"):
                kindling.connect(coordinator.address, token=token)
        with pytest.raises(AccessDeniedError, match="client token"):
            kindling.connect(coordinator.address, token_file=given["worker_token_file"])
        with (
            kindling.connect(coordinator.address, token_file=given["token_file"]) as client,
            pytest.raises(AccessDeniedError, match="worker_token_file"),
        ):
            client.study("mine").ask()
    finally:
        coordinator.end()
    assert not any(file.read_text().split()[-1] in coordinator.log() for file in given.values())


def test_tls_shows_who_is_there_on_both_sides(folder: Path) -> None:
    subprocess.run(
        [PROGRAM, "certificate", "create", "pki", "--host", "127.0.0.1"], cwd=folder, check=True, capture_output=True
    )
    pki = folder / "pki"
    tls = ("--tls-cert=pki/server.pem", "--tls-key=pki/server.key", "--tls-client-ca=pki/ca.pem")
    coordinator = Coordinator(folder, *tls)
    try:
        assert coordinator.address.startswith("https://")
        mine = {"ca": pki / "ca.pem", "cert": pki / "client.pem", "key": pki / "client.key"}
        with kindling.connect(coordinator.address, **mine) as client:
            create(client).ask().tell(1.0)
        for partly in ({"ca": pki / "ca.pem"}, {}):
            with pytest.raises(UnreachableError):
                kindling.connect(coordinator.address, **partly, timeout=3)
        with pytest.raises(UnreachableError, match="https://"):
            kindling.connect(coordinator.address.replace("https", "http"), timeout=3)
    finally:
        coordinator.end()


def test_a_page_for_browsers_is_told_from_a_coordinator(folder: Path) -> None:
    coordinator = Coordinator(folder, "--http=127.0.0.1:0")
    try:
        page = next(word for word in coordinator.log().split() if "http://" in word and coordinator.address not in word)
        page = page[page.index("http://") :].strip("\"'/,")
        with pytest.raises(UnreachableError, match="does not speak gRPC"):
            kindling.connect(page)
    finally:
        coordinator.end()
