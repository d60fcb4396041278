"""Take the pictures of the studio that the README shows: `python docs/studio.py` drives the real page.

studio.webp moves: a photo that comes with scikit-image gets points, one after the other. studio-dark.jpg and
studio-tablet.jpg stand still.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from colorize import POINTS
from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "tests"))

ORDER = ["astronaut", "chelsea", "coffee", "rocket"]
RADIUS = 3
ARROW = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12)]
WHERE = """
(async () => {
  const { planeAt } = await import("/assets/ab_plane.js"), { labOf, labOfHex, share } = await import("/assets/cielab.js");
  const plane = document.getElementById("plane"), box = plane.getBoundingClientRect();
  const [light] = labOf(...document.getElementById("sample").style.background.match(/\\d+/g).map(Number));
  const [, a, b] = labOfHex("COLOR");
  const part = 0.98 * share(light, a, b), [across, down] = planeAt(light).place(a * part, b * part);
  return [box.left + across * box.width, box.top + down * box.height];
})()
"""


class Film:
    """Pictures of the page, each with the pointer, and how long each is seen."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def shoot(self, place: tuple[float, float], milliseconds: int) -> None:
        """Take one picture."""
        picture = still(self.browser)
        draw = ImageDraw.Draw(picture)
        x, y = place
        draw.polygon([(x + dx, y + dy) for dx, dy in ARROW], fill="white", outline="black")
        self.frames.append(picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def write(self, file: Path) -> None:
        """Write all of them."""
        first, *others = self.frames
        first.save(file, save_all=True, append_images=others, duration=self.times, loop=0, quality=60, method=6)


def main() -> None:
    """Drive the page."""
    from browser import Browser

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go (docs)")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        server = subprocess.Popen(
            [sys.executable, "-m", "chromahint", "studio", "--no-browser"],
            cwd=scratch, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        browser = Browser(Path(scratch) / "profile")
        try:
            address = server.stdout.readline().removeprefix("studio: ").strip()
            browser.open(address, width=1240, height=780)
            browser.wait("document.body.dataset.ready === 'yes'")
            film(browser).write(folder / "studio.webp")
            browser.do("document.getElementById('home').click()")
            open_sample(browser, "astronaut")
            browser.give("#file", session("astronaut", Path(scratch) / "astronaut.json"))
            time.sleep(2)
            browser.do(
                "(() => { const box = document.getElementById('beside'); box.value = 'levin';"
                "box.dispatchEvent(new Event('change')); })()"
            )
            rest(browser, 2)
            for name, mode, options in [
                ("dark", "2", {"width": 1240, "height": 780, "dark": True}),
                ("tablet", "3", {"width": 820, "height": 1100}),
            ]:
                browser.open(address, **options)
                browser.wait("document.body.dataset.fine")
                browser.press(mode)
                still(browser, 5).save(folder / f"studio-{name}.jpg", quality=86)
        finally:
            browser.close()
            server.terminate()
            server.wait()


def film(browser: Any) -> Film:
    """Color the cup of coffee, point by point, and wipe."""
    made = Film(browser)
    open_sample(browser, "coffee")
    rest(browser)
    place = where(browser, 300, 200)
    made.shoot(place, 1200)
    for x, y, color, *_ in POINTS["coffee"]:
        place = where(browser, x, y)
        made.shoot(place, 250)
        browser.drag(place)
        rest(browser)
        made.shoot(place, 200)
        if color is None:
            browser.press("g")
        else:
            target = browser.do(WHERE.replace("COLOR", color))
            browser.drag(target)
            place = tuple(target)
        rest(browser)
        made.shoot(place, 550)
    browser.press("Escape")
    made.shoot(place, 1500)
    browser.press("3")
    middle = where(browser, 300, 200)
    browser.point(*middle)
    browser.point(*middle, "mousePressed", "left")
    for share in [*range(0, 10), *range(10, -11, -2), *range(-10, 1, 2)]:
        at = middle[0] + 28 * share, middle[1]
        browser.point(*at, "mouseMoved", "left")
        rest(browser, 0.1)
        made.shoot(at, 90)
    browser.point(*middle, "mouseReleased", "left")
    made.times[-1] = 1500
    return made


def open_sample(browser: Any, name: str) -> None:
    """Open one of the photos to try."""
    browser.do("delete document.body.dataset.fine")
    browser.do(f"document.querySelectorAll('#samples button')[{ORDER.index(name)}].click()")
    browser.wait("document.body.dataset.fine")


def where(browser: Any, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the photo, which is seen whole, lies on the page."""
    left, top, width, height = browser.do(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.getElementById('stage').getBoundingClientRect())"
    )
    *_, across, down = (
        int(word) for word in browser.do("document.getElementById('name').textContent").split() if word.isdigit()
    )
    scale = min((width - 56) / across, (height - 56) / down, 4)
    return left + width / 2 + scale * (x - across / 2), top + height / 2 + scale * (y - down / 2)


def rest(browser: Any, seconds: float = 0.6) -> None:
    """Wait until sharp colors are there."""
    time.sleep(seconds)
    browser.wait("!document.body.classList.contains('busy')")
    browser.settle()


def session(name: str, file: Path) -> Path:
    """Write a photo's points as a hint file."""
    points = [
        {"x": x, "y": y, "radius": more[0] if more else RADIUS} | ({"color": color} if color else {"keep_grey": True})
        for x, y, color, *more in POINTS[name]
    ]
    file.write_text(json.dumps({"format": "chromahint-hints/1", "points": points}))
    return file


def still(browser: Any, after: float = 0) -> Image.Image:
    """What is seen."""
    time.sleep(after)
    return Image.open(io.BytesIO(browser.picture())).convert("RGB")


if __name__ == "__main__":
    main()
