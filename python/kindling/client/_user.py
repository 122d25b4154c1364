"""Who calls, as the coordinator tells others when something was changed. Nothing is proved by it."""

import os
import socket
from collections.abc import Mapping
from urllib.parse import quote

USER = "kindling-user"
# In characters; as the `kindling` program does it (client/src/user.rs).
_LONGEST = 64
# Visible ASCII, but for the sign that begins what is written in another way.
_PLAIN = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"


def user(environment: Mapping[str, str] = os.environ) -> str | None:
    """`USER@HOST`, as far as they are known, percent-encoded."""
    name = environment.get("USER") or environment.get("LOGNAME") or ""
    return written(name, socket.gethostname())


def written(name: str, host: str) -> str | None:
    text = f"{name}@{host}" if name and host else name or host
    # What is no character in the environment is none here.
    return quote(text[:_LONGEST].encode("utf-8", "replace"), safe=_PLAIN) or None
