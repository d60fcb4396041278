"""`python -m support.visit_studio WORDS`: run `chromahint WORDS`, color a sample as the page does, and stop."""

import contextlib
import json
import re
import subprocess
import sys
import urllib.request


@contextlib.contextmanager
def running(*words):
    """Run `chromahint WORDS`, which starts the studio; yields its address."""
    server = subprocess.Popen([sys.executable, "-m", "chromahint", *words], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().removeprefix("studio: ").strip()
    finally:
        server.terminate()
        server.communicate()


def main(words):
    with running(*words) as address:
        assets = re.findall('(?:href|src)="/(assets/[^"]+)"', open_url(address).decode())
        assert assets
        for path in (*assets, "api/config"):
            open_url(address + path)
        photo = json.loads(open_url(f"{address}api/samples/coffee", b""))["id"]
        hints = b'{"format": "chromahint-hints/1", "points": [{"x": 9, "y": 9, "color": "#c04020"}]}'
        for model in ("pretrained", "levin"):
            assert open_url(f"{address}api/photos/{photo}/colors?model={model}&size=128", hints)


def open_url(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=120) as response:
        return response.read()


if __name__ == "__main__":
    main(sys.argv[1:])
