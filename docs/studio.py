"""Create the pictures of the studio in the README and the guide, from the real page in a browser.

python docs/studio.py

studio.webp is an animation: a sample photo gets points, one after the other. studio-start.jpg, studio-dark.jpg,
and studio-tablet.jpg are screenshots.
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
sys.path.insert(0, str(FOLDER.parent / "tests"))  # for support.browser

RADIUS = 3
POINTER = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12)]
FIND_COLOR = """
(async () => {
  const assets = document.querySelector("script[src$='main.js']").src.replace("main.js", "");
  const { abPlane } = await import(`${assets}ab_plane.js`);
  const { gamutFraction, hexToLab, rgbToLab } = await import(`${assets}cielab.js`);
  const box = document.getElementById("color-plane").getBoundingClientRect();
  const currentColor = document.getElementById("current-color").style.background;
  const [l] = rgbToLab(...currentColor.match(/\\d+/g).map(Number));
  const [, a, b] = hexToLab("COLOR");
  const fraction = 0.98 * gamutFraction(l, a, b);
  const [x, y] = abPlane(l).toPosition(a * fraction, b * fraction);
  return [box.left + x * box.width, box.top + y * box.height];
})()
"""


class Animation:
    """Screenshots of the page with a pointer, and how long each is shown."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    def add_frame(self, pointer: tuple[float, float], milliseconds: int) -> None:
        """Add a screenshot."""
        image = screenshot(self.browser)
        draw = ImageDraw.Draw(image)
        x, y = pointer
        draw.polygon([(x + dx, y + dy) for dx, dy in POINTER], fill="white", outline="black")
        self.frames.append(image.resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.LANCZOS))
        self.durations.append(milliseconds)

    def write(self, file: Path) -> None:
        """Write the animation."""
        first, *others = self.frames
        first.save(file, save_all=True, append_images=others, duration=self.durations, loop=0, quality=60, method=6)


def main() -> None:
    """Create all pictures."""
    from support.browser import Browser

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="output folder (default: docs)")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch, "project")
        project.mkdir()
        server = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "chromahint", "studio", "--no-browser", str(project)],
            cwd=scratch, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        browser = Browser(Path(scratch) / "profile")
        try:
            address = server.stdout.readline().removeprefix("studio: ").strip()
            browser.open(address, width=1240, height=780)
            browser.wait_for("document.body.dataset.ready === 'yes'")
            screenshot(browser, 5).save(folder / "studio-start.jpg", quality=86)
            create_animation(browser).write(folder / "studio.webp")
            browser.evaluate("document.getElementById('home').click()")
            open_sample(browser, "astronaut")
            browser.set_files("#photo-file", write_hint_file("astronaut", Path(scratch) / "astronaut.json"))
            time.sleep(2)
            browser.evaluate(
                "(() => { const box = document.getElementById('compare-with'); box.value = 'levin';"
                "box.dispatchEvent(new Event('change')); })()"
            )
            wait_for_colors(browser, 2)
            for name, mode, options in [
                ("dark", "2", {"width": 1240, "height": 780, "dark": True}),
                ("tablet", "3", {"width": 820, "height": 1100}),
            ]:
                browser.open(address, **options)
                browser.wait_for("document.body.dataset.updates")
                browser.press(mode)
                screenshot(browser, 5).save(folder / f"studio-{name}.jpg", quality=86)
        finally:
            browser.close()
            server.terminate()
            server.wait()


def create_animation(browser: Any) -> Animation:
    """Color the cup of coffee, point by point, and compare with the slider."""
    animation = Animation(browser)
    open_sample(browser, "coffee")
    wait_for_colors(browser)
    pointer = page_position(browser, 300, 200)
    animation.add_frame(pointer, 1200)
    for x, y, color, *_ in POINTS["coffee"]:
        pointer = page_position(browser, x, y)
        animation.add_frame(pointer, 250)
        browser.drag(pointer)
        wait_for_colors(browser)
        animation.add_frame(pointer, 200)
        if color is None:
            browser.press("g")
        else:
            target = browser.evaluate(FIND_COLOR.replace("COLOR", color))
            browser.drag(target)
            pointer = tuple(target)
        wait_for_colors(browser)
        animation.add_frame(pointer, 550)
    browser.press("Escape")
    animation.add_frame(pointer, 1500)
    browser.press("3")
    center = page_position(browser, 300, 200)
    browser.mouse(*center)
    browser.mouse(*center, "mousePressed", "left")
    for step in [*range(0, 10), *range(10, -11, -2), *range(-10, 1, 2)]:
        position = center[0] + 28 * step, center[1]
        browser.mouse(*position, "mouseMoved", "left")
        wait_for_colors(browser, 0.1)
        animation.add_frame(position, 90)
    browser.mouse(*center, "mouseReleased", "left")
    animation.durations[-1] = 1500
    return animation


def open_sample(browser: Any, name: str) -> None:
    """Open a sample photo."""
    browser.evaluate("delete document.body.dataset.updates")
    browser.evaluate(f"document.querySelector('#samples button[value={name}]').click()")
    browser.wait_for("document.body.dataset.updates")


def page_position(browser: Any, x: float, y: float) -> tuple[float, float]:
    """Map a pixel of the photo to the page. The whole photo is visible."""
    left, top, width, height = browser.evaluate(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.getElementById('stage').getBoundingClientRect())"
    )
    *_, photo_width, photo_height = (
        int(word)
        for word in browser.evaluate("document.getElementById('photo-name').textContent").split()
        if word.isdigit()
    )
    scale = min((width - 56) / photo_width, (height - 80) / photo_height, 4)
    page_x = left + width / 2 + scale * (x - photo_width / 2)
    page_y = top + 28 + (height - 80) / 2 + scale * (y - photo_height / 2)
    return page_x, page_y


def wait_for_colors(browser: Any, delay: float = 0.6) -> None:
    """Wait until the final colors are drawn."""
    time.sleep(delay)
    browser.wait_for("!document.body.classList.contains('busy')")
    browser.wait_for_frame()


def write_hint_file(name: str, file: Path) -> Path:
    """Write a photo's points as a hint file."""
    points = [
        {"x": x, "y": y, "radius": more[0] if more else RADIUS} | ({"color": color} if color else {"keep_grey": True})
        for x, y, color, *more in POINTS[name]
    ]
    file.write_text(json.dumps({"format": "chromahint-hints/1", "points": points}))
    return file


def screenshot(browser: Any, delay: float = 0) -> Image.Image:
    """Take a screenshot."""
    time.sleep(delay)
    return Image.open(io.BytesIO(browser.screenshot())).convert("RGB")


if __name__ == "__main__":
    main()
