"""Let many people use one shared studio at once: waits, refusals, and memory.

Each person opens a photo of their own and clicks again and again, with no pause between two clicks; a refused click
(status 503) is repeated after the time that the response names. The work in front of a click is that of the clicks
which arrived earlier, at most one of each other person.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from skimage import data


@dataclass
class Results:
    """What all people saw together."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0
    failed: list[str] = field(default_factory=list)


def main() -> None:
    """Run the studio and the people; print waits in seconds and memory in MB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20, help="people who click (default: 20)")
    parser.add_argument("--clicks", type=int, default=10_000, help="clicks of all people together (default: 10000)")
    parser.add_argument("--size", type=int, default=128, help="preview size in pixels (default: 128)")
    parser.add_argument("--model", default="pretrained", help="as for `chromahint studio` (default: pretrained)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        summary = _measure(Path(folder), arguments)
    if arguments.json:
        print(json.dumps(summary, indent=1))
        return
    for name, value in summary.items():
        print(f"{name:<48}{value}")


def _measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "chromahint", "studio", "--share", "--no-browser", "--port", "0"]
    server = subprocess.Popen(
        [*command, "--model", arguments.model], cwd=folder, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        address = _address(server)
        photos = [_open_photo(address, number) for number in range(arguments.people)]
        alone = [_click(address, photos[0], number, arguments, Results()) for number in range(20)]
        results, memory = Results(), {"before": _megabytes(server)}
        for until in sorted({min(1000, arguments.clicks), arguments.clicks}):
            _click_together(address, photos, until - len(results.seconds), arguments, results)
            memory[f"after {until:,} clicks"] = _megabytes(server)
    finally:
        server.terminate()
        server.wait()
    waits = sorted(results.seconds)
    return {
        "one person: median seconds per click": round(statistics.median(alone), 3),
        f"{arguments.people} people: median seconds per click": round(statistics.median(waits), 3),
        "99th percentile": round(waits[int(0.99 * len(waits))], 3),
        "longest": round(waits[-1], 3),
        "clicks that were refused and repeated": results.refused,
        "clicks that failed": results.failed[:3] or 0,
        **{f"memory {moment}, MB": value for moment, value in memory.items()},
    }


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"http://[^:/]+(:\d+/)(\S+)", line):
            address = f"http://127.0.0.1{found[1]}"
            urllib.request.install_opener(urllib.request.build_opener(urllib.request.HTTPCookieProcessor()))
            urllib.request.urlopen(address + found[2]).close()  # the token becomes a cookie
            return address
    raise RuntimeError("the studio printed no address")


def _open_photo(address: str, number: int) -> str:
    file = io.BytesIO()
    Image.fromarray(np.roll(data.coffee(), 31 * number, axis=1)).save(file, "PNG")
    return str(json.loads(_post(address, f"api/photos?name={number}.png", file.getvalue()))["id"])


def _click_together(
    address: str, photos: list[str], count: int, arguments: argparse.Namespace, results: Results
) -> None:
    def click_again(person: int) -> None:
        for number in range(person, count, len(photos)):
            results.seconds.append(_click(address, photos[person], number, arguments, results))

    threads = [threading.Thread(target=click_again, args=(person,)) for person in range(len(photos))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _click(address: str, photo: str, number: int, arguments: argparse.Namespace, results: Results) -> float:
    """Color a photo from up to ten points; returns the seconds until its colors arrived, refusals included."""
    rng = np.random.default_rng(number)
    points = [
        {"x": int(rng.integers(600)), "y": int(rng.integers(400)), "color": f"#{rng.integers(256**3):06x}", "radius": 3}
        for _ in range(1 + number % 10)
    ]
    body = json.dumps({"format": "chromahint-hints/1", "points": points}).encode()
    start = time.perf_counter()
    while True:
        try:
            _post(address, f"api/photos/{photo}/colors?model={arguments.model}&size={arguments.size}", body)
            return time.perf_counter() - start
        except urllib.error.HTTPError as error:
            if error.code != 503:
                results.failed.append(f"{error.code}: {error.read().decode()}")
                return time.perf_counter() - start
            results.refused += 1
            time.sleep(float(error.headers["retry-after"]))


def _post(address: str, path: str, body: bytes) -> bytes:
    request = urllib.request.Request(address + path, body, method="POST")
    with urllib.request.urlopen(request, timeout=300) as response:
        content: bytes = response.read()
    return content


def _megabytes(server: subprocess.Popen[str]) -> int:
    return round(psutil.Process(server.pid).memory_info().rss / 1e6)


if __name__ == "__main__":
    main()
