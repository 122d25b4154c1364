"""What the client decides by itself."""

import math
import sys
from pathlib import Path
from typing import Any

import pytest

import kindling

grpc = pytest.importorskip("grpc", reason="the client is an extra")

from conftest import python  # noqa: E402
from kindling.client import _calls, _connection, _convert, _spec  # noqa: E402
from kindling.client._errors import ConnectionSettingsError, InvalidArgumentError, UnreachableError  # noqa: E402
from kindling.client._proto import study_pb2, worker_pb2  # noqa: E402

SECRET = "0123456789abcdef"


def settings(address: str | None = None, environment: dict[str, str] | None = None, **given: Any) -> Any:
    nothing = dict.fromkeys(("token", "token_file", "worker_token", "worker_token_file", "ca", "cert", "key"))
    return _connection.connection(address, **{**nothing, **given}, environment=environment or {})


@pytest.mark.parametrize(
    ("address", "target"),
    [
        (None, "ipv4:127.0.0.1:50051"),
        ("http://gpu1:1", "dns:///gpu1:1"),
        ("http://gpu1/", "dns:///gpu1:80"),
        ("https://gpu1", "dns:///gpu1:443"),
        ("http://[::1]:8080", "ipv6:%5B::1%5D:8080"),
    ],
)
def test_an_address_is_a_url(address: str | None, target: str) -> None:
    assert settings(address).target == target


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:50051",
        "grpc://host:1",
        "http://",
        "not one",
        "http://a:99999",
        "http://a:1/path",
        "http://u@a:1",
        "http://a b",
    ],
)
def test_what_is_no_address_is_told_what_one_looks_like(address: str) -> None:
    with pytest.raises(ConnectionSettingsError, match=r"http://127\.0\.0\.1:50051"):
        settings(address)


def test_what_is_not_given_is_taken_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"# people\nalice {SECRET}\n")
    file.chmod(0o600)
    environment = {"KINDLING_COORDINATOR": "http://a:1", "KINDLING_TOKEN_FILE": str(file)}
    found = settings(environment=environment)
    assert (found.address, found.token, found.worker_token) == ("http://a:1", SECRET, SECRET)
    found = settings("http://b:1", environment, token="another" + SECRET)
    assert (found.address, found.token) == ("http://b:1", "another" + SECRET)
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "content", [b"", b"\n# nothing\n", b"short", b"two words, many", b"0123456789abcdef\xff", b"a/b " + SECRET.encode()]
)
def test_a_file_without_a_token_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ConnectionSettingsError, match="holds no token") as refused:
        settings(token_file=file)
    assert SECRET not in str(refused.value)


def test_a_token_that_everybody_may_read_is_used_with_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)
    file.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        assert settings(token_file=file).token == SECRET


def test_certificates_are_not_ignored_in_silence(tmp_path: Path) -> None:
    with pytest.raises(ConnectionSettingsError, match="write https://"):
        settings("http://a:1", ca="ca.pem")
    with pytest.raises(ConnectionSettingsError, match="go together"):
        settings("https://a:1", cert="client.pem")
    with pytest.raises(ConnectionSettingsError, match="cannot read"):
        settings("https://a:1", ca=tmp_path / "missing.pem")


def test_every_method_is_one_that_the_protocol_has() -> None:
    mine = {value for value in vars(_calls).values() if isinstance(value, _calls.Method)}
    for method in mine:
        file = worker_pb2 if method.service == "WorkerService" else study_pb2
        known = file.DESCRIPTOR.services_by_name[method.service].methods_by_name[method.name]
        assert known.input_type is method.request.DESCRIPTOR
        assert known.output_type is method.response.DESCRIPTOR
    assert len(mine) == 22


def test_nobody_at_the_address_is_said_at_once() -> None:
    with pytest.raises(UnreachableError, match="kindling coordinator") as error:
        kindling.connect("http://127.0.0.1:1")
    assert isinstance(error.value, kindling.KindlingError)
    assert isinstance(error.value, ConnectionError)


def spec(**given: Any) -> Any:
    words: dict[str, Any] = {
        "name": "mine",
        "space": {"x": kindling.Float(0, 1)},
        "direction": "minimize",
        "trials": 3,
        "seed": 0,
        "sampler": "auto",
        "pruner": "none",
        "objective": None,
        "max_attempts": 3,
        "max_failures_in_a_row": None,
        "confirm": None,
        "checkpoints": None,
        "notify": None,
    }
    return _spec.spec(**{**words, **given})


def test_a_space_of_classes_is_the_one_of_a_study_file() -> None:
    classes = {
        "optimizer": kindling.Categorical(["sgd", "adam", 1, True, 0.5]),
        "momentum": kindling.Float(0, 0.99, when={"optimizer": "sgd"}),
        "rate": kindling.Float(1e-5, 1, log=True),
        "layers": kindling.Int(1, 8, step=2, when={"optimizer": ["sgd", "adam"]}),
        "shape": kindling.Categorical([None, [64, None], {"a": 1}, "none"], when={"layers": {"at_least": 2}}),
        "few": kindling.Int(0, 9, when={"shape": [None, [64, None]], "layers": 3}),
    }
    tables = {
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam", 1, True, 0.5]},
        "momentum": {"type": "float", "low": 0, "high": 0.99, "when": {"optimizer": "sgd"}},
        "rate": {"type": "float", "low": 1e-5, "high": 1, "log": True},
        "layers": {"type": "int", "low": 1, "high": 8, "step": 2, "when": {"optimizer": ["sgd", "adam"]}},
        "shape": {
            "type": "categorical",
            "choices": ["nil", [64, "nil"], {"a": 1}, "none"],
            "none": "nil",
            "when": {"layers": {"at_least": 2}},
        },
        "few": {"type": "int", "low": 0, "high": 9, "when": {"shape": ["nil", [64, "nil"]], "layers": [3]}},
    }
    assert spec(space=classes) == spec(space=tables)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"trials": 0}, "trials: expected 1 to"),
        ({"trials": 1.5}, "trials: expected a whole number"),
        ({"trials": True}, "trials: expected a whole number"),
        ({"direction": "up"}, "maximize or minimize"),
        ({"space": {}}, "at least one parameter"),
        ({"space": {"x": 3}}, "space.x"),
        ({"space": {"x": {"type": "flaot"}}}, "float or int or categorical"),
        ({"space": {"x": {"type": "float", "low": 1}}}, "space.x.high is missing"),
        ({"space": {"x": {"type": "float", "low": 1, "hihg": 2}}}, "did you mean `high`"),
        ({"space": {"x": {"type": "categorical", "choices": [len]}}}, "not <built-in"),
        (
            {"space": {"x": {"type": "int", "low": 1, "high": 2, "when": {"y": {"at_last": 2}}}}},
            "did you mean `at_least`",
        ),
        ({"space": {"x": {"type": "int", "low": 0, "high": 2**63}}}, "expected -9223372036854775808 to"),
        ({"sampler": {"kind": "tpe", "candidates": math.nan}}, "sampler"),
        ({"objective": {"settings": 1}}, "objective"),
        ({"name": "\ud800"}, "UTF-8"),
        ({"confirm": {"by": "x"}}, "confirm.by"),
        ({"checkpoints": {"keep": 0}}, "checkpoints.keep"),
        ({"checkpoints": {"kept": 1}}, "checkpoints"),
        ({"notify": {"kind": "ntfy"}}, "notify.url"),
        ({"notify": {"url": "ntfy.sh/t"}}, "notify.url"),
        ({"notify": {"url": "https://ntfy.sh/t", "kind": "nfty"}}, "notify.kind"),
        ({"notify": {"url": "https://ntfy.sh/t", "on": []}}, "notify.on"),
        ({"notify": {"url": "https://ntfy.sh/t", "on": ["end"]}}, "notify.on"),
        ({"notify": {"kind": "off", "url": "https://ntfy.sh/t"}}, "notify"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused_with_the_key(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        spec(**wrong)


def test_a_study_to_be_asked_has_an_objective_of_its_own() -> None:
    assert spec().objective.kind == "ask:mine"
    long = spec(name="ü" * 256).objective.kind
    assert len(long.encode()) <= 256
    assert long != spec(name="ü" * 255 + "x").objective.kind


def test_numpys_numbers_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    given = {"a": numpy.float32(0.5), "b": numpy.int64(3), "c": numpy.bool_(1)}
    assert _convert.params(_convert.named_values(given)) == {"a": 0.5, "b": 3, "c": True}
    assert [type(v) for v in _convert.params(_convert.named_values(given)).values()] == [float, int, bool]


def test_the_client_is_imported_only_when_it_is_used(folder: Path) -> None:
    code = "import sys, kindling; assert 'grpc' not in sys.modules; kindling.connect; assert 'grpc' in sys.modules"
    assert python(code, folder).returncode == 0


def test_without_the_extra_it_says_how_to_install_it(folder: Path) -> None:
    code = "import sys; sys.modules['grpc'] = None\nimport kindling\n"
    code += "try: kindling.connect\nexcept ImportError as e: print(e)"
    assert "pip install 'kindling-hpo[grpc]'" in python(code, folder).stdout
    assert sys.modules["grpc"] is grpc
