"""Annotations on a scan are mapped to the photo that was cut out of it."""

import cv2
import numpy as np
import pytest

from chromahint.hints.annotations import Annotations, PaletteColor, Point, Stroke
from chromahint.hints.framing import frame_annotations, frame_sparse_hints
from chromahint.images.preparation.framing import Frame, apply_frame, frame_matrix

SCAN_SIZE = 200, 300
FRAME = Frame(6.0, (0.1, 0.15, 0.85, 0.95))
(WIDTH, HEIGHT), MATRIX = frame_matrix(FRAME, *SCAN_SIZE)


def framed(annotations):
    return frame_annotations(annotations, SCAN_SIZE, MATRIX, (HEIGHT, WIDTH))


@pytest.mark.parametrize("units", ["px", "relative"])
def test_points_stay_on_what_they_mark(units):
    scan = np.zeros(SCAN_SIZE, np.uint8)
    cv2.circle(scan, (120, 70), 3, 255, cv2.FILLED)
    x, y = (120, 70) if units == "px" else (120.5 / 300, 70.5 / 200)
    [point] = framed(Annotations((Point(x, y, "#aa3311", 0),), units=units)).points
    rows, columns = np.nonzero(apply_frame(scan, FRAME) > 128)
    assert (point.x, point.y) == pytest.approx((columns.mean(), rows.mean()), abs=0.3)


def test_marks_outside_are_left_out_and_strokes_end_at_the_edge():
    stroke = Stroke(tuple((float(x), 100.0) for x in range(0, 300, 5)), "#1133aa", 2)
    palette = (PaletteColor("#aa3311"),)
    result = framed(Annotations((Point(2, 2, "#aa3311"), Point(150, 100, None, 4)), (stroke,), palette=palette))
    assert [point.color for point in result.points] == [None]
    assert result.palette == palette
    [part] = result.strokes
    assert 20 < len(part.points) < 60
    result.rasterize(HEIGHT, WIDTH)  # raises an error if something lies outside


def test_a_stroke_that_leaves_and_comes_back_has_two_parts():
    path = ((100, 100), (110, 100), (110, 1), (120, 1), (130, 100), (140, 100))
    assert [len(each.points) for each in framed(Annotations(strokes=(Stroke(path, "#1133aa"),))).strokes] == [2, 2]


def test_hinted_pixels_are_mapped_like_points():
    annotations = Annotations((Point(150, 100, "#aa3311", 0), Point(60, 90, "#1133aa", 0), Point(1, 1, "#11aa33", 0)))
    expected = framed(annotations).rasterize(HEIGHT, WIDTH)
    found = frame_sparse_hints(annotations.rasterize(*SCAN_SIZE), MATRIX, (HEIGHT, WIDTH))
    assert found.size == expected.size
    assert found.flat_index.tolist() == expected.flat_index.tolist()
    assert found.ab.tolist() == expected.ab.tolist()


def test_hinted_pixels_stay_distinct_and_in_order():
    scan = Annotations((Point(150, 100, "#aa3311", 30),)).rasterize(*SCAN_SIZE)
    found = frame_sparse_hints(scan, MATRIX, (HEIGHT, WIDTH))
    assert (found.flat_index.diff() > 0).all()
    assert len(found.flat_index) > 0.9 * len(scan.flat_index)
