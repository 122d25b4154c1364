"""Which coordinator to use, and how: address, tokens, TLS. The rules are those of the `kindling` program."""

import ipaddress
import os
import ssl
import stat
import string
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc

from kindling.client._errors import ConnectionSettingsError

DEFAULT = "http://127.0.0.1:50051"
_EXAMPLE = f"something like {DEFAULT}, or https:// with TLS"
_MIN_SECRET, _MAX_NAME = 16, 64
_NAME = frozenset(string.ascii_letters + string.digits + "._-")

StrPath = str | os.PathLike[str]

# The largest message, as proto/src/limits.rs says.
MESSAGE = 4 * 1024 * 1024
_OPTIONS: list[tuple[str, int | str]] = [
    ("grpc.max_receive_message_length", MESSAGE),
    ("grpc.max_send_message_length", MESSAGE),
    # A dead peer is noticed within 20 s, also while nothing is called.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A coordinator that is back is found within about 2 s.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # As the `kindling` program: a proxy for web pages is no way to a coordinator.
    ("grpc.enable_http_proxy", 0),
    # Two clients of a process have connections of their own, so that closing one does nothing to the other.
    ("grpc.use_local_subchannel_pool", 1),
]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where the coordinator is, with all files read."""

    address: str
    target: str
    credentials: grpc.ChannelCredentials | None
    token: str | None
    worker_token: str | None
    # How the `kindling` program is told of the same certificates.
    tls: tuple[str, ...] = ()

    def channel(self, more: Mapping[str, int | str] | None = None) -> grpc.Channel:
        """A channel with our options, and with others that replace them."""
        options = list({**dict(_OPTIONS), **(more or {})}.items())
        if self.credentials is None:
            return grpc.insecure_channel(self.target, options)
        return grpc.secure_channel(self.target, self.credentials, options)

    def __repr__(self) -> str:
        return f"Connection({self.address})"


def connection(
    address: str | None,
    *,
    token: str | None,
    token_file: StrPath | None,
    worker_token: str | None,
    worker_token_file: StrPath | None,
    ca: StrPath | None,
    cert: StrPath | None,
    key: StrPath | None,
    environment: Mapping[str, str] = os.environ,
) -> Connection:
    """What was given; what was not is taken from the environment, as the `kindling` program does."""

    def given(path: StrPath | None, variable: str) -> StrPath | None:
        return path if path is not None else environment.get(variable) or None

    address = address or environment.get("KINDLING_COORDINATOR") or DEFAULT
    scheme, target = _parse(address)
    ca, cert, key = given(ca, "KINDLING_TLS_CA"), given(cert, "KINDLING_TLS_CERT"), given(key, "KINDLING_TLS_KEY")
    if scheme == "https":
        credentials = _credentials(ca, cert, key)
    elif ca or cert or key:
        raise ConnectionSettingsError(f"certificates are given, but {address} goes without TLS", "write https://")
    else:
        credentials = None
    if token is None:
        path = given(token_file, "KINDLING_TOKEN_FILE")
        token = _token_of(path) if path else None
    else:
        _check_secret(token, "the token")
    if worker_token is None:
        path = given(worker_token_file, "KINDLING_WORKER_TOKEN_FILE")
        worker_token = _token_of(path) if path else token
    else:
        _check_secret(worker_token, "the worker token")
    named = {"--tls-ca": ca, "--tls-cert": cert, "--tls-key": key}
    return Connection(
        address=address,
        target=target,
        credentials=credentials,
        token=token,
        worker_token=worker_token,
        tls=tuple(f"{option}={Path(path).absolute()}" for option, path in named.items() if path),
    )


def _parse(address: str) -> tuple[str, str]:
    """The scheme, and the target as gRPC takes it."""

    def wrong(reason: str) -> ConnectionSettingsError:
        return ConnectionSettingsError(f"`{address}` is not a coordinator's address: {reason}", _EXAMPLE)

    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise wrong(str(error)) from None
    if parts.scheme not in ("http", "https") or not host or not host.isprintable() or " " in host:
        raise wrong("expected http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise wrong("expected nothing but scheme, host and port")
    port = port if port is not None else {"http": 80, "https": 443}[parts.scheme]
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return parts.scheme, f"dns:///{host}:{port}"
    return parts.scheme, f"ipv6:%5B{host}%5D:{port}" if version == 6 else f"ipv4:{host}:{port}"  # noqa: PLR2004


def _credentials(ca: StrPath | None, cert: StrPath | None, key: StrPath | None) -> grpc.ChannelCredentials:
    if (cert is None) != (key is None):
        raise ConnectionSettingsError("a certificate and its key go together: give `cert` and `key`")
    if key is not None:
        _warn_if_open(Path(key))
    return grpc.ssl_channel_credentials(
        root_certificates=_read(ca) if ca else _system_authorities(),
        private_key=_read(key) if key else None,
        certificate_chain=_read(cert) if cert else None,
    )


def _system_authorities() -> bytes | None:
    """The authorities that the system trusts, if it lists them in a file. Otherwise those that come with gRPC."""
    found = ssl.create_default_context().get_ca_certs(binary_form=True)
    return "".join(ssl.DER_cert_to_PEM_cert(der) for der in found).encode() or None


def _token_of(path: StrPath) -> str:
    """The token in a file; the first, if there are several."""
    path = Path(path)
    _warn_if_open(path)

    def wrong(reason: str) -> ConnectionSettingsError:
        return ConnectionSettingsError(f"{path} holds no token: {reason}", "`kindling token create FILE` makes one")

    try:
        text = _read(path).decode()
    except UnicodeDecodeError:
        raise wrong("it is not text") from None
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) == 2 and _is_name(words[0]):  # noqa: PLR2004 - a name and its token
            words = words[1:]
        if len(words) != 1:
            raise wrong("expected a token, or a name and a token, on each line")
        try:
            _check_secret(words[0], "it")
        except ConnectionSettingsError as error:
            raise wrong(error.message) from None
        return words[0]
    raise wrong("it is empty")


def _is_name(text: str) -> bool:
    return len(text) <= _MAX_NAME and not text.startswith("-") and _NAME.issuperset(text)


def _check_secret(secret: str, what: str) -> None:
    """Never shows the secret."""
    if len(secret) < _MIN_SECRET:
        raise ConnectionSettingsError(f"{what} has {len(secret)} characters; expected at least {_MIN_SECRET}")
    if not all("!" <= letter <= "~" for letter in secret):
        raise ConnectionSettingsError(f"{what} holds a character that no token has; expected ASCII without spaces")


def _read(path: StrPath) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConnectionSettingsError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from None


def _warn_if_open(path: Path) -> None:
    """Warns if everybody on this machine may read or change a file with a secret."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if stat.S_ISREG(mode) and mode & 0o007:
        message = f"{path} holds a secret, and everybody on this machine may use it; hint: chmod 600 {path}"
        warnings.warn(message, stacklevel=5)
