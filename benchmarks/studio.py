"""How soon the studio's picture follows a pointer: from its event to the frame that shows it, in a real browser.

A point is dragged over a photo of 12 megapixels: step by step, each after a rest, and without a rest, as a hand does;
first alone, then among 49 others, as the network has more to do where there are more. The network alone, on as many
pixels as it sees at most while something moves, is timed beside.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

# as the command does: threads that wait by spinning starve the browser
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import cv2
import numpy as np
import torch
from skimage import data

from chromahint.studio.model_list import PREVIEW_SIZES

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

SIDE = 256
OTHERS = [(70 + 130 * column, 150 + 85 * row) for row in range(7) for column in range(7)]
"""Where on the page points lie between which one more is dragged the second time."""
HELD = """
const told = Response.prototype.json;
Response.prototype.json = async function () {
  const said = await told.call(this);
  return said.drafts ? { ...said, drafts: [SIDE] } : said;
};
"""
WATCH = """
window.moved = 0;
window.asked = [];
window.followed = [];
window.sides = {};
document.addEventListener("pointermove", (event) => { moved = event.timeStamp; }, { capture: true });
const plain = window.fetch;
window.fetch = (address, ...more) => {
  const [, side] = /colors.*size=(\\d+)/.exec(address) ?? [];
  if (/colors/.test(address)) asked.push(side ? moved : 0);
  if (side) sides[side] = (sides[side] ?? 0) + 1;
  return plain(address, ...more);
};
const mark = performance.mark.bind(performance);
performance.mark = (name) => {
  const began = asked.shift(), channel = new MessageChannel(); // heard when the frame has been handed on
  channel.port1.onmessage = () => { if (began) followed.push((performance.now() - began) / 1000); };
  requestAnimationFrame(() => channel.port2.postMessage(0));
  return mark(name);
};
"""


def main() -> None:
    """Measure, and print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30, help="of the pointer (30)")
    parser.add_argument("--megapixels", type=float, default=12, help="of the photo (12)")
    parser.add_argument(
        "--side",
        type=int,
        choices=PREVIEW_SIZES,
        help="show the network so much of the photo, however late its answers come",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = _photo(Path(folder) / "photo.jpg", arguments.megapixels)
        found, sides = _in_browser(photo, Path(folder), arguments.steps, arguments.side)
    found[f"network alone, {SIDE}x{SIDE}"] = _alone(arguments.steps)
    shown = {
        name: {"median": statistics.median(times), "least": min(times), "most": max(times)}
        for name, times in found.items()
    }
    if arguments.json:
        print(json.dumps(shown | {"sides": sides}, indent=1))
        return
    for name, times in shown.items():
        print(f"{name:<56}{times['median']:.3f} s in the middle, {times['least']:.3f} to {times['most']:.3f} s")
    seen = " and ".join(f"{side}x{side} ({count} times)" for side, count in sides.items())
    print(f"without a rest the network saw {seen}")


def _photo(file: Path, megapixels: float) -> Path:
    photo = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2GRAY)
    width = round((megapixels * 1e6 * 1.5) ** 0.5)
    cv2.imwrite(str(file), cv2.resize(photo, (width, round(width / 1.5)), interpolation=cv2.INTER_CUBIC))
    return file


def _in_browser(
    photo: Path, folder: Path, steps: int, side: int | None
) -> tuple[dict[str, list[float]], dict[str, int]]:
    from browser import Browser

    words = [sys.executable, "-m", "chromahint", "studio", str(photo), "--no-browser"]
    start = time.perf_counter()
    server = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    browser = Browser(folder / "profile")
    try:
        address = server.stdout.readline().removeprefix("studio: ").strip()
        printed = time.perf_counter() - start
        if side is not None:
            browser.call("Page.addScriptToEvaluateOnNewDocument", source=HELD.replace("SIDE", str(side)))
        browser.open(address)
        browser.wait("document.body.dataset.fine")
        found = {"command to address": [printed], "command to the photo on the page": [time.perf_counter() - start]}
        browser.do(WATCH)
        sides: Counter[str] = Counter()
        for others in ([], OTHERS):
            for place in others:
                browser.drag(place)
            times, seen = _dragged(browser, steps)
            found |= {f"{name}, among {len(OTHERS)} points" if others else name: each for name, each in times.items()}
            sides.update(seen)
        return found, dict(sides)
    finally:
        browser.close()
        server.terminate()
        server.wait()


def _dragged(browser: Any, steps: int) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Drag a point: seconds of each step after a rest and without, and how often the network saw which side."""
    browser.point(500, 400)
    browser.point(500, 400, "mousePressed", "left")
    rested = []
    for step in range(steps + 5):
        time.sleep(0.3)
        browser.wait("!document.body.classList.contains('busy')")  # sharp colors of the step before are done
        browser.do("followed.length = 0")
        browser.answer(_step(browser, step))
        browser.wait("followed.length")
        rested.append(browser.do("followed[0]"))
    browser.do("followed.length = 0; sides = {}")
    start = time.perf_counter()
    sent = []
    for step in range(20 * steps):
        sent.append(_step(browser, step / 10))  # a hand does not wait until it was seen
        time.sleep(max(0, start + (step + 1) / 60 - time.perf_counter()))
    for number in sent:
        browser.answer(number)
    took, followed = time.perf_counter() - start, browser.do("followed")
    browser.point(650, 400, "mouseReleased", "left")
    return {
        "pointer to picture, after a rest": rested[5:],
        "pointer to picture, without a rest": followed,
        "from one picture to the next": [took / len(followed)],
    }, browser.do("sides")


def _step(browser: Any, step: float) -> int:
    x, y = 500 + 150 * np.cos(step), 400 + 150 * np.sin(step)
    number: int = browser.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
    return number


@torch.no_grad()
def _alone(rounds: int) -> list[float]:
    from chromahint import Colorizer
    from chromahint.hints.annotations import parse_annotations

    network = Colorizer.load(device="cpu").network
    size = round(SIDE / 1.5**0.5), round(SIDE * 1.5**0.5)
    reading = network.read(torch.rand(1, 1, *size) * 100)
    hints = parse_annotations([(100, 100, "#c04020", 2)]).rasterize(*size).to_dense(size)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        network.spread(reading, hints)
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
