"""Color arithmetic and rendering in the browser, compared with scikit-image and the server."""

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from chromahint.inference.session import _downsample
from chromahint.inference.upsample import joint_bilateral_upsample


def test_color_conversion_matches_the_server(studio):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (200, 3))
    result = studio.evaluate(
        "import('/assets/cielab.js').then(({ rgbToLab, labToHex }) => "
        f"{rgb.tolist()}.map((rgb) => [rgbToLab(...rgb), labToHex(...rgbToLab(...rgb))]))"
    )
    assert np.array([lab for lab, _ in result]) == pytest.approx(rgb2lab(rgb / 255), abs=0.02)
    back = np.array([[int(code[n : n + 2], 16) for n in (1, 3, 5)] for _, code in result])
    assert np.abs(back - rgb).max() <= 1
    # colors outside of the gamut keep their lightness
    strong = studio.evaluate(
        "import('/assets/cielab.js').then(({ labToHex }) => [20, 50, 80].map((l) => labToHex(l, -90, 90)))"
    )
    lightness = [rgb2lab(np.array([int(code[n : n + 2], 16) for n in (1, 3, 5)]) / 255)[0] for code in strong]
    assert lightness == pytest.approx([20, 50, 80], abs=1)


def test_upsampling_matches_the_server(studio):
    rng = np.random.default_rng(1)
    gray = rng.integers(60, 200, (18, 26)).astype(np.uint8)
    lightness = torch.from_numpy(rgb2lab(np.dstack([gray] * 3))[..., 0]).float()[None, None]
    small = _downsample(lightness, 10, False)
    ab = torch.from_numpy(rng.integers(-900, 900, (1, 2, *small.shape[-2:])) / 64).float()
    expected = joint_bilateral_upsample(ab, small, lightness, 0, 18)
    given = {
        "gray": np.dstack([gray] * 4).ravel().tolist(), "ab": (ab * 64).flatten().int().tolist(),
        "small": small.flatten().tolist(), "size": list(small.shape[-2:]),
    }  # fmt: skip
    result = studio.evaluate(
        f"import('/assets/upsample.js').then(({{ upsampleColors }}) => {{ const given = {given};"
        "const out = new Uint8ClampedArray(26 * 18 * 4);"
        "const size = { width: 26, height: 18 };"
        "upsampleColors(out, given.gray, { ...size, left: 0, top: 0, stepX: 1, stepY: 1 }, size,"
        "{ height: given.size[0], width: given.size[1], lightness: given.small, ab: given.ab },"
        "{ top: 0, bottom: given.size[0] - 1, left: 0, right: given.size[1] - 1 }); return [...out]; })"
    )
    rendered = np.array(result).reshape(18, 26, 4)[..., :3]
    lab = torch.cat([lightness, expected], dim=1)[0].permute(1, 2, 0).numpy()
    assert np.abs(rendered - lab2rgb(lab) * 255).max() <= 1.5


def test_cached_gamut_mapping_matches_exact_one(studio):
    rng = np.random.default_rng(2)
    given = [[int(rng.integers(256)), *rng.uniform(-110, 110, 2).tolist()] for _ in range(3000)]
    result = studio.evaluate(
        "import('/assets/cielab.js').then(({ GRAY_LIGHTNESS, labToRgba, labToRgbaCached }) => "
        f"{given}.map(([gray, ...ab]) => [labToRgba, labToRgbaCached].map((each) => each(GRAY_LIGHTNESS[gray], ...ab))"
        ".map((rgba) => [0, 8, 16].map((bits) => (rgba >> bits) & 255))))"
    )
    exact, cached = rgb2lab(np.array(result) / 255).transpose(1, 0, 2)
    assert np.linalg.norm(exact - cached, axis=1).max() < 2.3  # just noticeable
    assert np.linalg.norm(exact - cached, axis=1).mean() < 0.2


def test_incremental_rendering_matches_full_rendering(studio):
    """Dragging a point changes few colors. Redrawing only those looks the same as drawing everything."""
    worst = studio.evaluate("""import('/assets/renderer.js').then(({ renderPhoto }) => {
      const [width, height, across, down] = [90, 60, 30, 20];
      const level = new OffscreenCanvas(width, height), pen = level.getContext("2d");
      const light = pen.createLinearGradient(0, 0, width, height);
      light.addColorStop(0, "#333");
      light.addColorStop(1, "#ccc");
      Object.assign(pen, { fillStyle: light }).fillRect(0, 0, width, height);
      const photo = { width, height, levels: [level] };
      const lightness = Float32Array.from({ length: across * down }, (_, n) => 25 + n / 12);
      const fresh = () => Object.assign(document.createElement("canvas"), { width: 100, height: 70 }), reused = fresh();
      const ab = new Int16Array(2 * across * down), worst = [];
      for (let step = 0; step < 40; step++) {
        // invisible changes that add up, and a large change in a small area
        for (let n = 0; n < 40; n++) ab[(step % 17) * across + n] += 10;
        for (let n = 0; n < 5; n++) ab[600 + 13 * step + n] = 900 * Math.sin(step);
        const colors = { width: across, height: down, lightness, ab: ab.slice() };
        const canvases = [reused, fresh()];
        for (const canvas of canvases) renderPhoto(canvas, { kind: "colors", colors }, photo, 5, 4, 1);
        const [some, all] = canvases.map((canvas) => {
          const reader = new OffscreenCanvas(100, 70).getContext("2d", { willReadFrequently: true });
          reader.drawImage(canvas, 0, 0);
          return reader.getImageData(0, 0, 100, 70).data;
        });
        worst.push(Math.max(...some.map((value, n) => Math.abs(value - all[n]))));
      }
      return worst;
    })""")
    assert max(worst) <= 2


def test_only_changed_pixels_are_redrawn(studio):
    areas = studio.evaluate("""import('/assets/renderer.js').then(({ renderPhoto }) => {
      const [width, height, across, down] = [90, 60, 30, 20], areas = [];
      const photo = { width, height, levels: [new OffscreenCanvas(width, height)] };
      const canvas = Object.assign(document.createElement("canvas"), { width, height });
      const lightness = new Float32Array(across * down), ab = new Int16Array(2 * across * down);
      const context = CanvasRenderingContext2D.prototype, put = context.putImageData;
      context.putImageData = function (...given) {
        areas.push(given.slice(3));
        return put.apply(this, given);
      };
      const render = (x) => {
        const colors = { width: across, height: down, lightness, ab: ab.slice() };
        renderPhoto(canvas, { kind: "colors", colors }, photo, x, 0, 1);
      };
      render(0);
      ab[600 + 8 * across + 12] = 500;
      render(0);
      render(0);
      render(-3);
      context.putImageData = put;
      return areas;
    })""")
    # everything; the pixels around one small pixel; nothing; everything, since the photo was moved
    assert areas == [[0, 0, 90, 60], [34, 22, 6, 6], [0, 0, 87, 60]]
