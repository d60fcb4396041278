"""From a gray image to color in Python."""

import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from skimage import data
from skimage.color import rgb2lab
from torch import nn

import chromahint
from chromahint import Colorizer, Hints
from chromahint.color import rgb_to_lab
from chromahint.inference import session as room
from chromahint.inference.array_adapters import open_images
from chromahint.models.zhang2017 import Zhang2017

COFFEE = data.coffee()[100:300, 150:410]
POINTS = [(40, 60, "#b02010", 3), (200.4, 20, (20, 60, 200)), (130, 100, None, 6)]


@pytest.fixture(scope="module")
def box():
    return Colorizer.load(device="cpu")


def own_hints(photo, share=1.0):
    lightness, ab = rgb_to_lab(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None])
    mask = (torch.rand(lightness.shape, generator=torch.Generator().manual_seed(0)) < share).float()
    return Hints(ab * mask, mask)


class Blue(nn.Module):
    """Hears nothing, and says blue."""

    def forward(self, lightness, hints):
        self.size = tuple(lightness.shape[-2:])
        return torch.tensor([10.0, -60.0]).view(1, 2, 1, 1).expand(1, 2, *self.size)


@pytest.mark.parametrize("name", ["pretrained", "levin", "pullpush"])
@pytest.mark.parametrize("size", [64, 512])
def test_its_own_colors_as_hints_give_the_photo_back(name, size):
    photo = data.astronaut()[:230, 100:401]
    found = Colorizer.load(name, size=size, device="cpu").colorize(photo, own_hints(photo))
    assert np.array_equal(found, photo)


def test_a_network_that_hears_nothing_obeys_full_hints_but_gets_no_specks():
    network = Colorizer(Blue(), "blue", 64)
    assert np.array_equal(network.colorize(COFFEE, own_hints(COFFEE)), COFFEE)
    plain = network.colorize(COFFEE)
    assert np.array_equal(network.colorize(COFFEE, [(30, 30, "#ff0000")]), plain)
    disc = network.colorize(COFFEE, [(30, 30, "#ff0000", 6)])
    assert not np.array_equal(disc[30, 30], plain[30, 30])
    assert np.array_equal(disc[50:], plain[50:])


@pytest.mark.parametrize("size", [64, 512])
def test_a_hinted_pixel_has_the_hints_color(box, size):
    photo = data.chelsea()
    hints = own_hints(photo, 0.002)
    found = Colorizer(box.network, "pretrained", size).colorize(photo, hints)
    at = hints.mask[0, 0].numpy() > 0
    close = np.abs(found[at].astype(int) - photo[at]).max(axis=1) <= 1
    # at a size where hints meet, some pixels speak for several
    assert close.mean() > (0.99 if size == 512 else 0.5)


@pytest.mark.parametrize("photo", [data.astronaut(), data.coffee(), COFFEE[..., 0]])
@pytest.mark.parametrize(
    "hints", [None, [(50, 50, "#ff0000", 20), (120, 150, "#0000ff", 40), (20, 150, "#00ff00", 30)]]
)
def test_lightness_is_the_photos(box, photo, hints):
    rgb = photo if photo.ndim == 3 else np.dstack([photo] * 3)
    before = rgb2lab(rgb)[..., 0]
    exact = box.colorize(photo / 255.0, hints)
    assert exact.dtype == np.float64
    assert np.abs(rgb2lab(exact)[..., 0] - before).max() < 0.05
    apart = np.abs(rgb2lab(box.colorize(photo, hints))[..., 0] - before)
    assert apart.max() < 0.5  # half a step of green
    assert apart.mean() < 0.1


def test_a_tiny_image_and_long_ones(box):
    for shape in ((1, 1), (1, 200), (300, 2), (17, 5)):
        found = box.colorize(np.full(shape, 90, np.uint8), [(0, 0, "#ff0000")])
        assert found.shape == (*shape, 3)


def test_the_same_for_arrays_images_and_tensors(box):
    photo = COFFEE
    wanted = box.colorize(photo, POINTS)
    assert wanted.dtype == np.uint8
    assert wanted.shape == photo.shape
    chw = torch.from_numpy(photo.copy()).permute(2, 0, 1)
    image = box.colorize(Image.fromarray(photo), POINTS)
    assert isinstance(image, Image.Image)
    assert image.mode == "RGB"
    tensor = box.colorize(chw, POINTS)
    assert isinstance(tensor, torch.Tensor)
    batch = box.colorize(torch.stack([chw, chw]), POINTS)
    for found in (
        np.asarray(image),
        tensor.permute(1, 2, 0).numpy(),
        batch[0].permute(1, 2, 0).numpy(),
        batch[1].permute(1, 2, 0).numpy(),
        np.rint(box.colorize(photo.astype(np.float32) / 255, POINTS) * 255).astype(np.uint8),
        np.rint(box.colorize(chw.double() / 255, POINTS) * 255).permute(1, 2, 0).numpy().astype(np.uint8),
        np.rint(box.colorize(photo.astype(np.uint16) * 257, POINTS) / 257).astype(np.uint8),
        box.colorize(np.flip(np.flip(photo, 0).copy(), 0), POINTS),
        box.colorize(np.array(photo, dtype=">u2") * np.array(257, ">u2"), POINTS) // 257,
    ):
        assert found.shape == wanted.shape
        apart = np.abs(found.astype(int) - wanted)
        assert apart.max() <= 1
        assert (apart > 0).mean() < 1e-3 or found.dtype == np.uint16


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float16, np.float32, np.float64])
def test_the_type_stays(box, kind):
    gray = np.full((20, 30), 0.5 if np.issubdtype(kind, np.floating) else 100, kind)
    found = box.colorize(gray)
    assert found.dtype == kind
    assert found.shape == (20, 30, 3)
    tensor = box.colorize(torch.from_numpy(gray)[None])
    assert tensor.dtype == torch.from_numpy(gray).dtype
    assert tensor.shape == (3, 20, 30)


def test_gray_is_colored_as_its_color_photo_of_that_lightness(box):
    gray = np.array(Image.fromarray(COFFEE).convert("L"))
    wanted = box.colorize(gray, POINTS)
    assert np.array_equal(box.colorize(np.dstack([gray] * 3), POINTS), wanted)
    assert np.array_equal(np.asarray(box.colorize(Image.fromarray(gray), POINTS)), wanted)
    assert np.array_equal(box.colorize(torch.from_numpy(gray)[None], POINTS).permute(1, 2, 0).numpy(), wanted)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"])
def test_images_of_any_mode(box, mode):
    image = Image.fromarray(COFFEE)
    image = (
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
        if mode == "I;16"
        else image.convert(mode)
    )
    found = box.colorize(image)
    assert found.mode == ("RGBA" if mode in ("LA", "PA", "RGBA") else "RGB")
    assert found.size == image.size


def test_transparency_and_exif_of_an_image_stay(box):
    image = Image.fromarray(COFFEE).convert("RGBA")
    image.putalpha(Image.fromarray(COFFEE[..., 1]))
    image.info["exif"] = b"Exif\0\0..."
    found = box.colorize(image)
    assert np.array_equal(np.asarray(found)[..., 3], COFFEE[..., 1])
    assert found.info["exif"] == b"Exif\0\0..."


def test_a_profile_is_heard(box):
    image = Image.fromarray(COFFEE)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    image.info["icc_profile"] = lab.tobytes()  # of another kind of image: ignored, as anything broken
    assert np.array_equal(np.asarray(box.colorize(image)), box.colorize(COFFEE))


def test_hints_of_a_file_are_those_of_tuples(box, tmp_path):
    points = [
        {"x": x, "y": y, "radius": radius[0] if radius else 0, "keep_grey": color is None}
        | ({} if color is None else {"color": color if isinstance(color, str) else "#143cc8"})
        for x, y, color, *radius in POINTS
    ]
    (tmp_path / "h.json").write_text(json.dumps({"format": "chromahint-hints/1", "points": points}))
    wanted = box.colorize(COFFEE, POINTS)
    assert np.array_equal(box.colorize(COFFEE, tmp_path / "h.json"), wanted)
    assert np.array_equal(box.colorize(COFFEE, str(tmp_path / "h.json")), wanted)
    assert not np.array_equal(box.colorize(COFFEE), wanted)


def test_maps_of_a_batch_are_each_images_own(box):
    hints = own_hints(COFFEE, 0.01)
    nothing = Hints(torch.zeros_like(hints.ab), torch.zeros_like(hints.mask))
    chw = torch.from_numpy(COFFEE.copy()).permute(2, 0, 1)
    batch = box.colorize(torch.stack([chw, chw]), Hints(*map(torch.cat, zip(hints, nothing, strict=True))))
    assert torch.equal(batch[0], box.colorize(chw, hints))
    assert torch.equal(batch[1], box.colorize(chw))


def test_strips_are_the_whole(box, monkeypatch):
    photo = data.coffee()
    hints = own_hints(photo, 0.01)
    small = Colorizer(box.network, "pretrained", 128)
    wanted = small.colorize(photo, hints)
    for pixels in (1, 600 * 7, 2**30):
        monkeypatch.setattr(room, "_AT_ONCE", pixels)
        apart = np.abs(small.colorize(photo, hints).astype(int) - wanted)
        assert apart.max() <= 1
        assert (apart > 0).sum() < 20  # where the last bit of a float falls differently


@pytest.mark.parametrize(
    ("shape", "size", "square", "seen"),
    [
        ((100, 400), 100, False, (50, 200)),
        ((100, 400), 512, False, (100, 400)),
        ((100, 400), 64, True, (64, 64)),
        ((20, 20), 64, True, (64, 64)),
        ((1, 5000), 16, False, (1, 1131)),
    ],
)
def test_what_the_network_sees(shape, size, square, seen):
    network = Blue()
    Colorizer(network, "blue", size, square).colorize(np.full(shape, 100, np.uint8))
    assert network.size == seen


def test_colors_to_choose_from():
    torch.manual_seed(0)
    network = Colorizer(Zhang2017(width=8, zero_init_head=False).eval(), "zhang", 64, square=True)
    found = network.suggest(COFFEE, 100, 50, [(3, 3, "#ff0000")])
    assert 1 < len(found) <= 9
    assert abs(sum(each.probability for each in found) - 1) < 1e-4
    assert found == sorted(found, key=lambda each: -each.probability)
    for each in found:
        colored = network.colorize(COFFEE, [(100, 50, each.color, 8)])
        wanted = rgb2lab(np.array([[[int(each.color[n : n + 2], 16) for n in (1, 3, 5)]]], np.uint8))[0, 0, 1:]
        assert np.abs(rgb2lab(colored[50:51, 100:101])[0, 0, 1:] - wanted).max() < 15  # another lightness may show less


def test_others_have_none_to_choose_from(box):
    with pytest.raises(ValueError, match="no color classes"):
        box.suggest(COFFEE, 1, 1)
    with pytest.raises(ValueError, match=r"x=260, y=0: outside.*260 wide and 200 high"):
        box.suggest(COFFEE, 260, 0)


@pytest.mark.parametrize(
    ("image", "part"),
    [
        ("photo.jpg", "came as str: allowed are NumPy arrays"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((3, 4), np.int64), "array of int64"),
        (np.zeros((3, 4), bool), "array of bool"),
        (np.zeros((0, 4), np.uint8), "has no pixels"),
        (np.full((3, 4), 255.0), "from 255 to 255: 0 to 1 are allowed"),
        (np.full((3, 4), np.nan), "from nan to nan"),
        (torch.zeros(4, 4), r"shape \(4, 4\)"),
        (torch.zeros(2, 4, 4), r"shape \(2, 4, 4\)"),
        (torch.zeros(3, 4, 4, dtype=torch.int32), "int32"),
        (Image.new("La", (4, 4)), "mode La: convert it first"),
    ],
)
def test_what_is_no_image(box, image, part):
    with pytest.raises(ValueError, match=part):
        box.colorize(image)


@pytest.mark.parametrize(
    ("hints", "part"),
    [
        ([(260, 0, "#ff0000")], r"points\[0\]\.x=260: outside the photo"),
        ([(1, 2)], r"hints\[0\]"),
        (5, "hints came as int"),
        ("none.json", r"none\.json: cannot be read"),
        (Hints(torch.zeros(1, 2, 5, 5), torch.zeros(1, 1, 5, 5)), r"hints\.ab has shape \(1, 2, 5, 5\)"),
        (Hints(torch.zeros(1, 2, 200, 260), torch.zeros(1, 2, 200, 260)), r"hints\.mask has shape"),
        (Hints(torch.full((1, 2, 200, 260), torch.nan), torch.zeros(1, 1, 200, 260)), r"hints\.ab holds values"),
    ],
)
def test_what_is_no_hint(box, hints, part):
    with pytest.raises(ValueError, match=part):
        box.colorize(COFFEE, hints)


def test_the_package_says_what_it_offers():
    assert set(chromahint.__all__) <= {*dir(chromahint), "Colorizer", "Hints"}
    assert chromahint.Hints is Hints
    with pytest.raises(AttributeError, match="Colorizr"):
        chromahint.Colorizr  # noqa: B018


@pytest.mark.parametrize("name", ["pretrained", "pullpush"])
def test_a_session_colors_from_hints_to_hints_as_colorize_does_each_time(name):
    """What is read is kept: other hints, other sizes and a preview in between leave nothing behind."""
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
