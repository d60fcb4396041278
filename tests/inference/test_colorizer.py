"""`Colorizer` colors images of any kind, size and type."""

import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from skimage import data
from skimage.color import rgb2lab
from torch import nn

import chromahint
import chromahint.evaluation
from chromahint import Colorizer, Hints
from chromahint.color import rgb_to_lab
from chromahint.hints.hints import concatenate_hints
from chromahint.inference import session as session_module
from chromahint.inference.array_adapters import open_images
from chromahint.models.zhang2017 import Zhang2017

COFFEE = data.coffee()[100:300, 150:410]
POINTS = [(40, 60, "#b02010", 3), (200.4, 20, (20, 60, 200)), (130, 100, None, 6)]


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer.load(device="cpu")


def hints_from_photo(photo, share=1.0):
    lightness, ab = rgb_to_lab(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None])
    mask = (torch.rand(lightness.shape, generator=torch.Generator().manual_seed(0)) < share).float()
    return Hints(ab * mask, mask)


class BlueNetwork(nn.Module):
    """Ignores its input and predicts blue."""

    def forward(self, lightness, hints):
        self.size = tuple(lightness.shape[-2:])
        return torch.tensor([10.0, -60.0]).view(1, 2, 1, 1).expand(1, 2, *self.size)


@pytest.mark.parametrize("name", ["pretrained", "levin", "pullpush"])
@pytest.mark.parametrize("size", [64, 512])
def test_all_pixels_as_hints_restore_the_photo(name, size):
    photo = data.astronaut()[:230, 100:401]
    result = Colorizer.load(name, size=size, device="cpu").colorize(photo, hints_from_photo(photo))
    assert np.array_equal(result, photo)


def test_hinted_areas_are_exact_but_single_pixels_are_no_specks():
    network = Colorizer(BlueNetwork(), "blue", 64)
    assert np.array_equal(network.colorize(COFFEE, hints_from_photo(COFFEE)), COFFEE)
    plain = network.colorize(COFFEE)
    assert np.array_equal(network.colorize(COFFEE, [(30, 30, "#ff0000")]), plain)
    disc = network.colorize(COFFEE, [(30, 30, "#ff0000", 6)])
    assert not np.array_equal(disc[30, 30], plain[30, 30])
    assert np.array_equal(disc[50:], plain[50:])


@pytest.mark.parametrize("size", [64, 512])
def test_hinted_pixels_have_the_color_of_the_hint(colorizer, size):
    photo = data.chelsea()
    hints = hints_from_photo(photo, 0.002)
    result = Colorizer(colorizer.network, "pretrained", size).colorize(photo, hints)
    hinted = hints.mask[0, 0].numpy() > 0
    close = np.abs(result[hinted].astype(int) - photo[hinted]).max(axis=1) <= 1
    # at a small size, several hints fall on the same pixel
    assert close.mean() > (0.99 if size == 512 else 0.5)


@pytest.mark.parametrize("photo", [data.astronaut(), data.coffee(), COFFEE[..., 0]])
@pytest.mark.parametrize(
    "hints", [None, [(50, 50, "#ff0000", 20), (120, 150, "#0000ff", 40), (20, 150, "#00ff00", 30)]]
)
def test_lightness_is_unchanged(colorizer, photo, hints):
    rgb = photo if photo.ndim == 3 else np.dstack([photo] * 3)
    before = rgb2lab(rgb)[..., 0]
    exact = colorizer.colorize(photo / 255.0, hints)
    assert exact.dtype == np.float64
    assert np.abs(rgb2lab(exact)[..., 0] - before).max() < 0.05
    difference = np.abs(rgb2lab(colorizer.colorize(photo, hints))[..., 0] - before)
    assert difference.max() < 0.5  # half a step of green
    assert difference.mean() < 0.1


def test_tiny_and_elongated_images(colorizer):
    for shape in ((1, 1), (1, 200), (300, 2), (17, 5)):
        result = colorizer.colorize(np.full(shape, 90, np.uint8), [(0, 0, "#ff0000")])
        assert result.shape == (*shape, 3)


def test_arrays_images_and_tensors_give_the_same_result(colorizer):
    photo = COFFEE
    expected = colorizer.colorize(photo, POINTS)
    assert expected.dtype == np.uint8
    assert expected.shape == photo.shape
    chw = torch.from_numpy(photo.copy()).permute(2, 0, 1)
    image = colorizer.colorize(Image.fromarray(photo), POINTS)
    assert isinstance(image, Image.Image)
    assert image.mode == "RGB"
    tensor = colorizer.colorize(chw, POINTS)
    assert isinstance(tensor, torch.Tensor)
    batch = colorizer.colorize(torch.stack([chw, chw]), POINTS)
    for result in (
        np.asarray(image),
        tensor.permute(1, 2, 0).numpy(),
        batch[0].permute(1, 2, 0).numpy(),
        batch[1].permute(1, 2, 0).numpy(),
        np.rint(colorizer.colorize(photo.astype(np.float32) / 255, POINTS) * 255).astype(np.uint8),
        np.rint(colorizer.colorize(chw.double() / 255, POINTS) * 255).permute(1, 2, 0).numpy().astype(np.uint8),
        np.rint(colorizer.colorize(photo.astype(np.uint16) * 257, POINTS) / 257).astype(np.uint8),
        colorizer.colorize(np.flip(np.flip(photo, 0).copy(), 0), POINTS),
        colorizer.colorize(np.array(photo, dtype=">u2") * np.array(257, ">u2"), POINTS) // 257,
    ):
        assert result.shape == expected.shape
        difference = np.abs(result.astype(int) - expected)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 1e-3 or result.dtype == np.uint16


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_type_is_kept(colorizer, kind):
    gray = np.full((20, 30), 0.5 if np.issubdtype(kind, np.floating) else 100, kind)
    result = colorizer.colorize(gray)
    assert result.dtype == kind
    assert result.shape == (20, 30, 3)
    tensor = colorizer.colorize(torch.from_numpy(gray)[None])
    assert tensor.dtype == torch.from_numpy(gray).dtype
    assert tensor.shape == (3, 20, 30)


def test_gray_image_is_colored_like_an_rgb_image_of_the_same_lightness(colorizer):
    gray = np.array(Image.fromarray(COFFEE).convert("L"))
    expected = colorizer.colorize(gray, POINTS)
    assert np.array_equal(colorizer.colorize(np.dstack([gray] * 3), POINTS), expected)
    assert np.array_equal(np.asarray(colorizer.colorize(Image.fromarray(gray), POINTS)), expected)
    assert np.array_equal(colorizer.colorize(torch.from_numpy(gray)[None], POINTS).permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_images_of_any_mode(colorizer, mode):
    image = Image.fromarray(COFFEE)
    image = (
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        if mode == "I;16"
        else image.convert(mode)
    )
    result = colorizer.colorize(image)
    assert result.mode == ("RGBA" if mode in ("LA", "PA", "RGBA") else "RGB")
    assert result.size == image.size


def test_transparency_and_exif_of_pil_images_are_kept(colorizer):
    image = Image.fromarray(COFFEE).convert("RGBA")
    image.putalpha(Image.fromarray(COFFEE[..., 1]))
    image.info["exif"] = b"Exif\0\0..."
    result = colorizer.colorize(image)
    assert np.array_equal(np.asarray(result)[..., 3], COFFEE[..., 1])
    assert result.info["exif"] == b"Exif\0\0..."


def test_unusable_profile_is_ignored(colorizer):
    image = Image.fromarray(COFFEE)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    image.info["icc_profile"] = lab.tobytes()  # not a profile of RGB images
    assert np.array_equal(np.asarray(colorizer.colorize(image)), colorizer.colorize(COFFEE))


def test_hint_file_is_equivalent_to_tuples(colorizer, tmp_path):
    points = [
        {"x": x, "y": y, "radius": radius[0] if radius else 0, "keep_grey": color is None}
        | ({} if color is None else {"color": color if isinstance(color, str) else "#143cc8"})
        for x, y, color, *radius in POINTS
    ]
    (tmp_path / "h.json").write_text(json.dumps({"format": "chromahint-hints/1", "points": points}))
    expected = colorizer.colorize(COFFEE, POINTS)
    assert np.array_equal(colorizer.colorize(COFFEE, tmp_path / "h.json"), expected)
    assert np.array_equal(colorizer.colorize(COFFEE, str(tmp_path / "h.json")), expected)
    assert not np.array_equal(colorizer.colorize(COFFEE), expected)


def test_hint_maps_of_a_batch_belong_to_its_images(colorizer):
    hints = hints_from_photo(COFFEE, 0.01)
    nothing = Hints(torch.zeros_like(hints.ab), torch.zeros_like(hints.mask))
    chw = torch.from_numpy(COFFEE.copy()).permute(2, 0, 1)
    batch = colorizer.colorize(torch.stack([chw, chw]), concatenate_hints([hints, nothing]))
    assert torch.equal(batch[0], colorizer.colorize(chw, hints))
    assert torch.equal(batch[1], colorizer.colorize(chw))


def test_result_does_not_depend_on_the_chunk_size(colorizer, monkeypatch):
    photo = data.coffee()
    hints = hints_from_photo(photo, 0.01)
    small = Colorizer(colorizer.network, "pretrained", 128)
    expected = small.colorize(photo, hints)
    for pixels in (1, 600 * 7, 2**30):
        monkeypatch.setattr(session_module, "_CHUNK_PIXELS", pixels)
        difference = np.abs(small.colorize(photo, hints).astype(int) - expected)
        assert difference.max() <= 1
        assert (difference > 0).sum() < 20  # rounding differences


@pytest.mark.parametrize(
    ("shape", "size", "square", "expected"),
    [
        ((100, 400), 100, False, (50, 200)),
        ((100, 400), 512, False, (100, 400)),
        ((100, 400), 64, True, (64, 64)),
        ((20, 20), 64, True, (64, 64)),
        ((1, 5000), 16, False, (1, 1131)),
    ],
)
def test_size_of_the_network_input(shape, size, square, expected):
    network = BlueNetwork()
    Colorizer(network, "blue", size, square).colorize(np.full(shape, 100, np.uint8))
    assert network.size == expected


def test_color_suggestions():
    torch.manual_seed(0)
    network = Colorizer(Zhang2017(width=8, zero_init_head=False).eval(), "zhang", 64, square=True)
    result = network.suggest(COFFEE, 100, 50, [(3, 3, "#ff0000")])
    assert 1 < len(result) <= 9
    assert abs(sum(each.probability for each in result) - 1) < 1e-4
    assert result == sorted(result, key=lambda each: -each.probability)
    for each in result:
        colored = network.colorize(COFFEE, [(100, 50, each.color, 8)])
        expected = rgb2lab(np.array([[[int(each.color[n : n + 2], 16) for n in (1, 3, 5)]]], np.uint8))[0, 0, 1:]
        assert (
            np.abs(rgb2lab(colored[50:51, 100:101])[0, 0, 1:] - expected).max() < 15
        )  # the gamut depends on lightness


def test_suggestions_and_proposals_of_the_pretrained_network(colorizer):
    before = colorizer.suggest(COFFEE, 100, 50)
    assert 1 <= len(before) <= 8
    # a hint right there leaves no doubt
    [first, *_] = colorizer.suggest(COFFEE, 100, 50, [(100, 50, "#b05030")])
    hue = rgb2lab(np.array([[[int(first.color[n : n + 2], 16) for n in (1, 3, 5)]]], np.uint8))[0, 0, 1:]
    assert first.probability > 0.5
    assert hue[0] > 10
    assert hue[1] > 10
    places = colorizer.where_next(COFFEE)
    assert len(places) == 8
    assert [place.gain for place in places] == sorted((place.gain for place in places), reverse=True)
    assert all(0 <= place.x < 260 and 0 <= place.y < 200 for place in places)
    best = places[0]
    again = colorizer.where_next(COFFEE, [(best.x, best.y, "#b05030")])
    assert (best.x, best.y) not in [(place.x, place.y) for place in again]
    assert again[0].gain < best.gain


def test_errors_for_suggestions_and_proposals(colorizer):
    solver = Colorizer.load("levin")
    with pytest.raises(ValueError, match="no distribution of colors"):
        solver.suggest(COFFEE, 1, 1)
    with pytest.raises(ValueError, match="levin: does not predict where a hint helps. Use spreadnet."):
        solver.where_next(COFFEE)
    with pytest.raises(ValueError, match=r"x=260, y=0: outside of the image.*260 wide and 200 high"):
        colorizer.suggest(COFFEE, 260, 0)


@pytest.mark.parametrize(
    ("image", "part"),
    [
        ("photo.jpg", "image of type str: not supported. Pass a NumPy array"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((3, 4), np.int64), "array of int64"),
        (np.zeros((3, 4), bool), "array of bool"),
        (np.zeros((0, 4), np.uint8), "has no pixels"),
        (np.full((3, 4), 255.0), "from 255 to 255: must be from 0 to 1"),
        (np.full((3, 4), np.nan), "from nan to nan"),
        (torch.zeros(4, 4), r"shape \(4, 4\)"),
        (torch.zeros(2, 4, 4), r"shape \(2, 4, 4\)"),
        (torch.zeros(3, 4, 4, dtype=torch.int32), "int32"),
        (Image.new("La", (4, 4)), "mode La: not supported. Convert it first"),
    ],
)
def test_error_for_unsupported_images(colorizer, image, part):
    with pytest.raises(ValueError, match=part):
        colorizer.colorize(image)


@pytest.mark.parametrize(
    ("hints", "part"),
    [
        ([(260, 0, "#ff0000")], r"points\[0\]\.x=260: outside the photo"),
        ([(1, 2)], r"hints\[0\]"),
        (5, "hints of type int"),
        ("none.json", r"none\.json: cannot be read"),
        (Hints(torch.zeros(1, 2, 5, 5), torch.zeros(1, 1, 5, 5)), r"hints\.ab of shape \(1, 2, 5, 5\)"),
        (Hints(torch.zeros(1, 2, 200, 260), torch.zeros(1, 2, 200, 260)), r"hints\.mask of shape"),
        (
            Hints(torch.full((1, 2, 200, 260), torch.nan), torch.zeros(1, 1, 200, 260)),
            r"hints\.ab: contains nan or inf",
        ),
    ],
)
def test_error_for_unsupported_hints(colorizer, hints, part):
    with pytest.raises(ValueError, match=part):
        colorizer.colorize(COFFEE, hints)


def test_public_names_of_the_package():
    assert set(chromahint.__all__) <= set(dir(chromahint))
    assert "evaluate_colorizer" in dir(chromahint.evaluation)


def test_a_notebook_shows_which_network_it_is(colorizer):
    assert repr(colorizer) == "<Colorizer spreadnet: at about 512x512 pixels, on cpu>"
    assert chromahint.Hints is Hints
    with pytest.raises(AttributeError, match="Colorizr"):
        chromahint.Colorizr  # noqa: B018


@pytest.mark.parametrize("name", ["pretrained", "pullpush"])
def test_session_gives_the_same_results_as_colorize(name):
    """Cached encodings are not affected by other hints, other sizes and previews."""
    colorizer = Colorizer.load(name, size=128, device="cpu")
    [opened], close = open_images(COFFEE)
    session = colorizer.open_session(opened)
    for hints in (POINTS, POINTS[:1], None, POINTS):
        session.colorize_small(hints, 64)
        ab = session.colorize_small(hints)
        assert torch.equal(ab, colorizer.open_session(opened, session.lightness).colorize_small(hints))
        session.colorize_full(hints)
        assert np.array_equal(close(), colorizer.colorize(COFFEE, hints))
    assert session.network_input(64).numel() < session.network_input().numel()


def test_palette_sets_the_mood(colorizer):
    height, width = COFFEE.shape[:2]
    plain = rgb2lab(colorizer.colorize(COFFEE))
    for color in ("#3050c0", "#b04020"):
        palette = Hints.palette([color], (height, width))
        colored = rgb2lab(colorizer.colorize(COFFEE, palette))
        target = palette.global_hints.palette[0, 0].numpy()
        assert np.linalg.norm(colored[..., 1:].mean(axis=(0, 1)) - target) < np.linalg.norm(
            plain[..., 1:].mean(axis=(0, 1)) - target
        )
    assert colorizer.takes_palette


def test_palette_for_a_network_without_one_is_refused():
    levin = Colorizer.load("levin")
    with pytest.raises(ValueError, match="Levin takes no palette. Leave it out, or use spreadnet"):
        levin.colorize(COFFEE, Hints.palette(["#3050c0"], COFFEE.shape[:2]))
    assert not levin.takes_palette
