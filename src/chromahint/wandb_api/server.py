"""W&B's server: whether it is used, which one, the API key for it, and whether it can be reached."""

from __future__ import annotations

import base64
import json
import netrc
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

WANDB_HOST, FORMER_WANDB_HOST = "api.forge.coreweave.com", "api.wandb.ai"
"""W&B's own server. `wandb login` 0.31 stores API keys under the new name; keys under the former one stay valid."""
MODES = {"online": "online", "run": "online", "offline": "offline", "dryrun": "offline", "disabled": "disabled"}
"""Values of the environment variable WANDB_MODE, and what they mean."""
CONNECT_SECONDS = 8.0
"""How long an answer of the server is waited for."""


def resolve_mode(mode: Literal["auto", "online", "offline"]) -> Literal["online", "offline", "disabled"]:
    """Return the mode that the config, the environment variables, and the API key give.

    Raises:
        ValueError: WANDB_MODE is set to something else than a mode.
    """
    if os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "yes"):
        return "disabled"
    if mode != "auto":
        return mode
    variable = os.environ.get("WANDB_MODE")
    if not variable:
        return "online" if find_api_key() else "offline"
    if variable not in MODES:
        raise ValueError(f"WANDB_MODE={variable}: unknown mode; choose one of online, offline, disabled.")
    return MODES[variable]  # type: ignore[return-value]


def server_url() -> str:
    """Return the address of the server."""
    return (os.environ.get("WANDB_BASE_URL") or f"https://{WANDB_HOST}").rstrip("/")


def find_api_key() -> str | None:
    """Return the API key for the server without calling W&B, which would prompt for one; None if there is none."""
    if key := os.environ.get("WANDB_API_KEY"):
        return key
    host = urlsplit(server_url()).netloc
    netrc_file = os.environ.get("NETRC")
    try:
        logins = netrc.netrc(Path(netrc_file).expanduser() if netrc_file else None)
    except (OSError, netrc.NetrcParseError):
        return None
    for name in [WANDB_HOST, FORMER_WANDB_HOST] if host == WANDB_HOST else [host]:
        if login := logins.authenticators(name):
            return login[2]
    return None


def server_problem() -> str | None:
    """Ask the server who the API key belongs to; returns why it can't be used, or None if it can.

    The answer comes within `CONNECT_SECONDS`, even if a name can't be looked up or a proxy doesn't answer.
    """
    problems: list[str | None] = []
    # a name that is being looked up can't be interrupted, only left behind
    thread = threading.Thread(target=lambda: problems.append(_ask_server()), daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    return problems[0] if problems else f"{server_url()} did not answer within {CONNECT_SECONDS:g} seconds"


def _ask_server() -> str | None:
    url, key = server_url(), find_api_key()
    if key is None:
        return "there is no API key"
    credentials = base64.b64encode(f"api:{key}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
    query = json.dumps({"query": "query Viewer { viewer { id } }"}).encode()
    try:
        request = urllib.request.Request(f"{url}/graphql", query, headers)  # noqa: S310  # the address is the user's own
        with urllib.request.urlopen(request, timeout=2 * CONNECT_SECONDS) as response:  # noqa: S310
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        return f"{url} answered {error.code} {error.reason}" + (" to the API key" if error.code == 401 else "")
    except urllib.error.URLError as error:
        return f"{url} can't be reached ({error.reason})"
    except (OSError, ValueError) as error:
        return f"{url} gave no usable answer ({error})"
    viewer = (answer.get("data") or {}).get("viewer") if isinstance(answer, dict) else None
    return None if viewer else f"{url} does not know the API key"
