"""Optuna's own tests of a storage, against a coordinator: through its own client, and through ours."""

import pickle
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", minversion="5", reason="Optuna 5 is not here")
pytest.importorskip("grpc", reason="gRPC is not here")

from optuna.storages import GrpcStorageProxy, InMemoryStorage, run_grpc_proxy_server  # noqa: E402
from optuna.testing.pytest_storages import StorageTestCase  # noqa: E402

from coordinators import Coordinator, needs_program  # noqa: E402
from kindling.optuna import Storage  # noqa: E402

pytestmark = [needs_program, pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")]

ORDERS = (["a", "b"], ["b", "a"])


@pytest.fixture(scope="module")
def coordinator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    running = Coordinator(tmp_path_factory.mktemp("coordinator"))
    yield running
    running.end()


def stock(coordinator: Coordinator) -> GrpcStorageProxy:
    host, port = coordinator.address.removeprefix("http://").rsplit(":", 1)
    return GrpcStorageProxy(host=host, port=int(port))


def emptied(storage: Any) -> Any:
    for study in storage.get_all_studies():
        storage.delete_study(study._study_id)
    return storage


class Suite(StorageTestCase):  # type: ignore[misc] # it has no types
    def test_get_all_trials_params_order(self, storage: Any) -> None:
        """Optuna's asks for the order in which parameters were set. Its client cannot know it: they come in a map."""
        storage.close()


class TestTheirs(Suite):
    @pytest.fixture
    def storage(self, coordinator: Coordinator) -> Iterator[Any]:
        storage = emptied(stock(coordinator))
        yield storage
        storage.close()


class TestOurs(Suite):
    @pytest.fixture
    def storage(self, coordinator: Coordinator) -> Iterator[Any]:
        storage = emptied(Storage(coordinator.address))
        yield storage
        storage.close()


def keeps_the_order(storage: Any) -> bool:
    try:
        for names in ORDERS:
            StorageTestCase().test_get_all_trials_params_order(storage, names)
    except AssertionError:
        return False
    return True


def test_the_order_of_parameters_is_lost_by_optunas_client_whatever_it_talks_to(coordinator: Coordinator) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = lambda: run_grpc_proxy_server(InMemoryStorage(), host="127.0.0.1", port=port)  # noqa: E731
    threading.Thread(target=serve, daemon=True).start()
    theirs = GrpcStorageProxy(host="127.0.0.1", port=port)
    theirs.wait_server_ready(30)
    assert not keeps_the_order(theirs), "then we should, too"
    assert not keeps_the_order(stock(coordinator))


def test_what_is_pickled_comes_back(coordinator: Coordinator) -> None:
    storage = Storage(coordinator.address)
    study = optuna.create_study(storage=storage)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    assert len(study.trials) == 2
