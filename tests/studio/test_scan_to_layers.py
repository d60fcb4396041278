"""A sepia scan of an old print, from the repair of its scratches to a file with layers."""

import cv2
import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode, Resource
from skimage import data
from skimage.color import rgb2gray

from support.damage import placed_on_scanner, scratched, sepia


@pytest.fixture(scope="module")
def photo():
    gray = np.rint(255 * rgb2gray(data.astronaut())).astype(np.uint8)
    return cv2.resize(gray, (1024, 1024), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def scan(photo, tmp_path_factory):
    damaged, _ = scratched(photo, specks=150)
    file = tmp_path_factory.mktemp("print") / "grandmother.png"
    Image.fromarray(placed_on_scanner(sepia((50 + damaged * 0.6).astype(np.uint8)), 1.8)).save(file)
    return file


@pytest.mark.slow
def test_from_a_sepia_scan_to_a_file_with_layers(studio, scan, photo, address):
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", scan))
    # prepared automatically, and what is left of a scratch is painted over
    studio.wait_for_colors(lambda: studio.click_button("prepare-automatically"))
    assert studio.browser.evaluate("document.getElementById('prepare-scratches').checked")
    studio.browser.press("f")
    path = [studio.page_position(x, y) for x, y in ((0.62, 0.27), (0.7, 0.29), (0.77, 0.31))]
    studio.wait_for_colors(lambda: studio.browser.drag(*path))
    # colored by a point, then by a suggestion
    studio.browser.press("p")
    studio.wait_for_colors(lambda: (studio.click(0.3, 0.85), studio.click_swatch("orange")))
    studio.browser.press("w")
    studio.browser.wait_for("!document.getElementById('next-place').hidden")
    studio.wait_for_colors(lambda: studio.browser.press("t"))
    assert studio.annotation_count() == 2
    # the work is still there when the page is opened again
    studio.open(address)
    studio.browser.wait_for("document.getElementById('prepare-scratches').checked")
    studio.wait_until_idle()
    assert studio.annotation_count() == 2
    studio.click_button("download-as")
    studio.browser.evaluate("document.querySelector('#download-form [value=layers]').click()")
    studio.browser.evaluate("document.querySelector('#download-form button[value=download]').click()")
    file = studio.browser.wait_for_download(".psd")
    document = PSDImage.open(file)
    gray, color = document
    assert (gray.name, color.name, color.blend_mode) == ("Gray photo", "Color", BlendMode.COLOR)
    found = gray.numpy("color")
    assert np.ptp(found, axis=2).max() == 0
    height, width = found.shape[:2]
    assert [height / 1024, width / 1024] == pytest.approx([0.985, 0.985], abs=0.02)
    reference = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    assert np.corrcoef(found[..., 0].ravel(), reference.ravel())[0, 1] > 0.95
    assert np.ptp(color.numpy("color"), axis=2).mean() > 0.03
    assert b"compositeWithTrainedAlgorithmicMedia" in document.image_resources.get_data(Resource.XMP_METADATA)
