"""`chromahint colorize`: photos in, colored photos out, and messages for mistakes."""

import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from chromahint import Colorizer
from chromahint.hints.annotations import Annotations, PaletteColor, Point
from chromahint.hints.hint_file import write_hints

PHOTO = data.chelsea()[:120, 60:220]
HINTS = Annotations((Point(30, 40, "#aa3311", 4), Point(110, 90, "#1133aa", 4)))
PULLPUSH = ["--model", "pullpush"]


@pytest.fixture
def photo(tmp_path):
    """A gray photo and its hints."""
    Image.fromarray(PHOTO).convert("L").save(tmp_path / "cat.png")
    write_hints(tmp_path / "cat.json", HINTS)
    return tmp_path / "cat.png"


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def assert_error(result, *parts, status=2):
    assert result.status == status, result.out + result.err
    assert "Traceback" not in result.err
    for part in parts:
        assert part in result.err, result.err


def test_command_and_python_give_the_same_result(command, photo, tmp_path):
    done = command("colorize", "cat.png", "-o", "out.png", "--hints", "cat.json", "--device", "cpu")
    assert done.status == 0, done.err
    assert "spreadnet: pretrained on " in done.out
    assert "colored 1 photo: out.png" in done.out
    expected = Colorizer.load(device="cpu").colorize(read(photo), tmp_path / "cat.json")
    assert np.array_equal(read(tmp_path / "out.png"), expected)
    assert files(tmp_path) == ["cat.json", "cat.png", "out.png"]


def test_folders_keep_their_tree_and_unreadable_files_are_listed(command, tmp_path):
    names = ["a.jpg", "deep/b.PNG", "deep/c.gif", "deep/er/d.webp", "e.tiff"]
    for name in names:
        file = tmp_path / "in" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PHOTO).save(file)
    (tmp_path / "in/deep/broken.jpg").write_bytes((tmp_path / "in/a.jpg").read_bytes()[:900])
    (tmp_path / "in/nothing.png").write_bytes(b"")
    (tmp_path / "in/notes.txt").write_text("not an image")
    done = command("colorize", "in", "-o", "out", *PULLPUSH, "--compare")
    assert_error(done, "not colored: in/deep/broken.jpg: ", "not colored: in/nothing.png: the file is empty", status=1)
    assert "colored 5 photos: out" in done.out
    names = ["a.jpg", "deep/b.PNG", "deep/c.png", "deep/er/d.webp", "e.tiff"]
    comparisons = [
        "a-compare.jpg",
        "deep/b-compare.jpg",
        "deep/c-compare.jpg",
        "deep/er/d-compare.jpg",
        "e-compare.jpg",
    ]
    assert files(tmp_path / "out") == sorted(names + comparisons)
    for name in names:
        assert read(tmp_path / "out" / name).shape == PHOTO.shape
    assert read(tmp_path / "out/e-compare.jpg").shape == (120, 320, 3)
    before = files(tmp_path / "in")
    again = command("colorize", "in", "-o", "in/colored", *PULLPUSH)
    assert "colored 5 photos" in again.out
    third = command("colorize", "in", "-o", "in/colored", *PULLPUSH, "--skip-existing")
    assert "colored 0 photos, skipped 5 that exist" in third.out
    assert files(tmp_path / "in") == sorted([*before, *(f"colored/{name}" for name in names)])


def test_output_can_be_the_parent_folder(command, tmp_path):
    (tmp_path / "album/gray").mkdir(parents=True)
    Image.fromarray(PHOTO).save(tmp_path / "album/gray/a.png")
    done = command("colorize", "album/gray", "-o", "album", *PULLPUSH)
    assert done.status == 0, done.err
    assert files(tmp_path / "album") == ["a.png", "gray/a.png"]


def test_reference_image(command, photo, tmp_path):
    Image.fromarray(PHOTO).resize((400, 300)).save(tmp_path / "colored.jpg", quality=95)

    def closeness(*words):
        done = command("colorize", "cat.png", "-o", "out.png", *words)
        assert done.status == 0, done.err
        found = read(tmp_path / "out.png")
        a, b = (np.float32(rgb2lab(image)) for image in (found, PHOTO))
        return -np.abs(a[..., 1:] - b[..., 1:]).mean()

    none, few, many = closeness(), *(closeness("--reference", "colored.jpg", "--points", k) for k in (5, 500))
    assert none < few < many
    assert closeness("--reference", "colored.jpg") == closeness("--reference", "colored.jpg", "--points", 50)


def test_published_hint_and_mask_pairs(command, photo, tmp_path):
    rng = np.random.default_rng(0)
    mask = rng.random(PHOTO.shape[:2]) < 0.01
    gray = read(photo)
    hint = np.where(mask[..., None], PHOTO, gray[..., None])
    for folder, image in (("hint", hint), ("mask", np.uint8(mask) * 255)):
        (tmp_path / folder).mkdir()
        Image.fromarray(image).save(tmp_path / folder / "cat.png")
    done = command("colorize", photo, "-o", "out.png", "--hint-dir", "hint", "--mask-dir", "mask", *PULLPUSH)
    assert done.status == 0, done.err
    points = [(int(x), int(y), tuple(map(int, PHOTO[y, x]))) for y, x in np.argwhere(mask)]
    assert np.array_equal(read(tmp_path / "out.png"), Colorizer.load("pullpush", device="cpu").colorize(gray, points))
    command("colorize", photo, "-o", "two/", "--hint-dir", "hint", "--mask-dir", "mask", *PULLPUSH)
    assert np.array_equal(read(tmp_path / "two/cat.png"), read(tmp_path / "out.png"))


def test_folder_of_hint_files(command, tmp_path):
    for name, color in (("a", "#ff0000"), ("sub/b", "#0000ff")):
        for folder in ("in", "hints"):
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (20, 10), 100).save(tmp_path / f"in/{name}.png")
        write_hints(tmp_path / f"hints/{name}.json", Annotations((Point(0.5, 0.5, color, 0.1),), units="relative"))
    Image.new("L", (20, 10), 100).save(tmp_path / "in/c.png")
    done = command("colorize", "in", "-o", "out", "--hints", "hints", *PULLPUSH)
    assert_error(done, "not colored: in/c.png: hints/c.json: hint file not found", status=1)
    red, blue = (read(tmp_path / f"out/{name}.png")[5, 10] for name in ("a", "sub/b"))
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50


def test_pictures_that_can_not_be_read_are_named_in_the_end(command, tmp_path):
    (tmp_path / "in/raw").mkdir(parents=True)
    Image.fromarray(PHOTO).save(tmp_path / "in/a.jpg")
    (tmp_path / "in/scan.psd").write_bytes(b"8BPS")
    (tmp_path / "in/raw/DSC_1.NEF").write_bytes(b"II*")
    (tmp_path / "in/notes.txt").write_text("no picture")
    done = command("colorize", "in", "-o", "out", *PULLPUSH)
    assert "colored 1 photo, skipped 2 that can't be read: out" in done.out
    assert_error(done, "skipped: in/scan.psd: a Photoshop document. Save", "skipped: in/raw/DSC_1.NEF: ", status=1)
    assert "notes.txt" not in done.err
    (tmp_path / "in/a.jpg").unlink()
    assert_error(
        command("colorize", "in", "-o", "out", *PULLPUSH), "in: no images found that can be read. in/scan.psd: a Ph"
    )


def test_session_of_the_studio_is_a_hint_file(command, photo, tmp_path):
    hints = json.loads((tmp_path / "cat.json").read_text())
    sessions = tmp_path / "project" / "sessions"
    sessions.mkdir(parents=True)
    session = {"format": "chromahint-session/1", "revision": 3, "hints": hints, "history": {"past": []}}
    (sessions / "cat.png.json").write_text(json.dumps(session))
    for name, given in {"file.png": "cat.json", "session.png": sessions / "cat.png.json", "tree.png": sessions}.items():
        assert command("colorize", "cat.png", "-o", name, "--hints", str(given), *PULLPUSH).status == 0
    assert np.array_equal(read(tmp_path / "file.png"), read(tmp_path / "session.png"))
    assert np.array_equal(read(tmp_path / "file.png"), read(tmp_path / "tree.png"))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_are_kept(command, tmp_path, suffix):
    ramp = np.tile(np.linspace(5000, 60000, 600).astype(np.uint16), (20, 1))
    cv2.imwrite(str(tmp_path / f"deep{suffix}"), ramp)
    done = command("colorize", f"deep{suffix}", "-o", f"out{suffix}", *PULLPUSH)
    assert done.status == 0, done.err
    found = cv2.imread(str(tmp_path / f"out{suffix}"), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    assert np.abs(found.astype(int) - ramp[..., None]).max() <= 12  # without hints it stays gray
    assert len(np.unique(found)) > 500


def test_rotated_photo_comes_out_upright(command, tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    Image.fromarray(PHOTO).save(tmp_path / "p.jpg", exif=exif)
    write_hints(
        tmp_path / "h.json", Annotations((Point(119, 159, "#ff0000"),))
    )  # the lower right corner of the upright photo
    done = command("colorize", "p.jpg", "-o", "o.jpg", "--hints", "h.json", *PULLPUSH)
    assert done.status == 0, done.err
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.size == (120, 160)
        assert image.getexif().get(0x0112, 1) == 1
        assert image.getexif()[0x010F] == "Maker"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["cat.png"], ["-o"]),
        (["nowhere.png", "-o", "x"], ["nowhere.png: file or folder not found"]),
        (["cat.png", "-o", "x.txt"], ["x.txt: .txt is not a supported output format", ".png, .jpg"]),
        (["cat.png", "-o", "x.gif"], ["x.gif: .gif is not a supported output format"]),
        (["cat.png", "-o", "cat.png"], ["cat.png: would overwrite a photo"]),
        (["cat.png", "-o", "link.png"], ["link.png: would overwrite a photo"]),
        (["cat.png", "-o", "."], ["cat.png: would overwrite a photo"]),
        (["cat.png", "other/cat.png", "-o", "x"], ["x/cat.png: would be the output of both cat.png and other/cat.png"]),
        (["empty", "-o", "x"], ["empty: no images found"]),
        (["cat.png", "-o", "x.png", "--hints", "none.json"], ["none.json: cannot be read"]),
        (["cat.png", "-o", "x.png", "--hints", "bad.json"], ["bad.json: points[0].x='?'"]),
        (["cat.png", "-o", "x.png", "--hints", "cat.json", "--reference", "cat.png"], ["--hints, --reference: "]),
        (["cat.png", "-o", "x.png", "--hint-dir", "other"], ["--hint-dir, --mask-dir: "]),
        (["cat.png", "-o", "x.png", "--hint-dir", "other", "--mask-dir", "no"], ["--mask-dir no: folder not found"]),
        (["cat.png", "-o", "x.png", "--points", "5"], ["--points 5: ", "--reference"]),
        (
            ["cat.png", "-o", "x.png", "--reference", "cat.png", "--points", "-5"],
            ["--points -5: must be an integer >= 0"],
        ),
        (["cat.png", "-o", "x.png", "--reference", "none.png"], ["--reference none.png: file not found"]),
        (
            ["other", "two.png", "-o", "x", "--reference", "cat.png"],
            ["--reference cat.png: not a folder, but there are several photos"],
        ),
        (["cat.png", "-o", "x.png", "--model", "nowhere"], ["nowhere: file or folder not found"]),
        (["cat.png", "-o", "x.png", "--model", "cat.png"], ["cat.png: cannot be read as weights"]),
        (["cat.png", "-o", "x.png", "--model", "other"], ["other: not a run folder"]),
        (["cat.png", "-o", "x.png", "--device", "abacus"], ["device=abacus"]),
        (["cat.png", "-o", "x.png", "--size", "4"], ["--size 4: must be an integer >= 16"]),
        (["cat.png", "-o", "cat.json/x.png"], ["cat.json/x.png: can't be written (Not a directory)"]),
        (["cat.png", "-o", "/proc/no/x.png"], ["/proc/no/x.png: can't be written"]),
    ],
)
def test_mistakes_are_reported_and_nothing_is_written(command, photo, tmp_path, words, parts):
    (tmp_path / "other").mkdir()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link.png").symlink_to(photo)
    (tmp_path / "two.png").write_bytes(photo.read_bytes())
    (tmp_path / "other/cat.png").write_bytes(photo.read_bytes())
    (tmp_path / "bad.json").write_text(
        '{"format": "chromahint-hints/1", "points": [{"x": "?", "y": 0, "color": "#000000"}]}'
    )
    before = files(tmp_path)
    assert_error(command("colorize", *words), *parts)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("text.png", b"not an image", "not an image in a supported format"),
        ("gone.jpg", None, "truncated"),
        ("bomb.png", "bomb", "20000x10000 pixels exceed the limit of 150 million. To read it, set"),
    ],
)
def test_files_that_are_not_images(command, tmp_path, name, content, part):
    file = tmp_path / name
    if content is None:
        Image.fromarray(PHOTO).save(file)
        content = file.read_bytes()[:-3000]
    if content == "bomb":
        Image.new("1", (20000, 10000)).save(file)
        content = file.read_bytes()
        assert len(content) < 100_000
    file.write_bytes(content)
    assert_error(command("colorize", name, "-o", "x.png", *PULLPUSH), f"not colored: {name}: ", part, status=1)
    assert files(tmp_path) == [name]


def test_hints_that_do_not_fit_the_photo(command, photo, tmp_path):
    write_hints(tmp_path / "far.json", Annotations((Point(160, 3, "#ff0000"),)))
    done = command("colorize", "cat.png", "-o", "x.png", "--hints", "far.json", *PULLPUSH)
    assert_error(done, "not colored: cat.png: points[0].x=160: outside the photo, which is 160 pixels wide", status=1)
    Image.new("RGB", (300, 50)).save(tmp_path / "other.png")
    done = command("colorize", "cat.png", "-o", "x.png", "--reference", "other.png", *PULLPUSH)
    assert_error(
        done, "other.png: size is 300x50, whose aspect ratio differs from that of the photo, 160x120", status=1
    )
    assert not (tmp_path / "x.png").exists()


def test_full_disk_leaves_nothing_behind(photo, tmp_path):
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from chromahint.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)); sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "colorize", "cat.png", "-o", "out.png", *PULLPUSH],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Error: out.png: can't be written (File too large). Free some space" in done.stderr
    assert files(tmp_path) == ["cat.json", "cat.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_is_not_writable(command, photo, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_error(
        command("colorize", "cat.png", "-o", "locked/x.png", *PULLPUSH), "locked/x.png: can't be written (Permission"
    )


def test_ctrl_c_exits_cleanly(tmp_path, python):
    (tmp_path / "in").mkdir()
    for number in range(400):
        Image.fromarray(PHOTO).save(tmp_path / f"in/{number:03}.png")
    started = subprocess.Popen(
        [python, "-m", "chromahint", "colorize", "in", "-o", "out"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    for _ in range(1200):
        if (tmp_path / "out/003.png").exists() or started.poll() is not None:
            break
        time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130, errors
    assert "Traceback" not in errors
    made = files(tmp_path / "out")
    assert 4 <= len(made) < 400
    for name in made:  # no incomplete file, and no temporary one
        assert read(tmp_path / "out" / name).shape == PHOTO.shape


def test_hundreds_of_photos_of_which_some_are_damaged(command, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    small = PHOTO[::8, ::8]
    for number in range(200):
        file = tmp_path / "in" / f"{number}.{['png', 'jpg', 'webp', 'tif'][number % 4]}"
        Image.fromarray(small).save(file)
        if number % 2:
            content = bytearray(file.read_bytes())
            content[rng.integers(min(len(content), 300))] ^= int(rng.integers(1, 256))
            file.write_bytes(content)
    done = command("colorize", "in", "-o", "out", *PULLPUSH)
    assert done.status in (0, 1), done.err
    assert "Traceback" not in done.err
    made, listed = len(files(tmp_path / "out")), done.err.count("not colored: ")
    assert made + listed == 200
    assert listed > 0


def test_help_lists_all_options(command):
    shown = command("colorize", "--help").out
    for word in (
        "--hints",
        "--hint-dir",
        "--mask-dir",
        "--reference",
        "--points",
        "--model",
        "--compare",
        "--skip-existing",
    ):
        assert word in shown


def test_palette_typed_in_a_file_and_from_a_picture(command, photo, tmp_path):
    Image.fromarray(np.full((9, 5, 3), (51, 68, 170), np.uint8)).save(tmp_path / "blue.png")
    content = Annotations(HINTS.points, palette=(PaletteColor("#3344aa"),))
    write_hints(tmp_path / "palette.json", content)
    results = []
    for number, words in enumerate(
        [
            ["--hints", "cat.json", "--palette", "#34a"],
            ["--hints", "cat.json", "--palette-from", "blue.png"],
            ["--hints", "palette.json"],
            ["--hints", "cat.json"],
        ]
    ):
        done = command("colorize", "cat.png", "-o", f"{number}.png", "--device", "cpu", "--size", 64, *words)
        assert done.status == 0, done.err
        results.append(read(tmp_path / f"{number}.png"))
    typed, picture, in_file, without = results
    assert np.array_equal(typed, in_file)
    assert np.abs(typed.astype(int) - picture).max() <= 1
    yellow = [rgb2lab(image)[..., 2].mean() for image in (typed, without)]
    assert yellow[0] < yellow[1] - 2


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--palette", "red"], "--palette red: 'red' is not a color"),
        (["--palette", ",".join(["#a33"] * 8)], "--palette: must have 1 to 7 colors, not 8"),
        (["--palette", "#a33", "--palette-from", "cat.png"], "from one of them only"),
        (["--palette-from", "nowhere.png"], "--palette-from nowhere.png: file not found"),
        (["--palette-from", "cat.json"], "--palette-from"),
        (["--palette-size", 3], "--palette-size 3: needs an image"),
        (["--palette-from", "cat.png", "--palette-size", 8], "must be an integer from 1 to 7"),
        (["--palette", "#a33", *PULLPUSH], "--model pullpush: takes no palette"),
    ],
)
def test_mistakes_with_palettes(command, photo, tmp_path, words, part):
    assert_error(command("colorize", "cat.png", "-o", "out.png", *words), part)
    assert files(tmp_path) == ["cat.json", "cat.png"]
