"""Color classes of ab bins."""

import torch

from chromahint.models.ab_bins import NUM_CLASSES, ab_classes, class_centers


def test_class_index_counts_b_fastest():
    ab = torch.tensor([[-110.0, -110.0], [-110.0, -100.0], [-100.0, -110.0], [0.0, 0.0], [110.0, 110.0], [4.9, -5.1]])
    expected = [0, 1, 23, 264, 528, 23 * 11 + 10]
    assert ab_classes(ab.view(6, 2, 1, 1)).flatten().tolist() == expected


def test_classes_cover_every_fourth_pixel():
    ab = torch.full((1, 2, 9, 6), 50.0)
    ab[:, :, ::4, ::4] = 0.0
    assert ab_classes(ab).tolist() == [[[264, 264]] * 3]


def test_class_centers_belong_to_their_class():
    colors = class_centers()
    assert colors.shape == (NUM_CLASSES, 2)
    assert torch.equal(ab_classes(colors.view(NUM_CLASSES, 2, 1, 1)).flatten(), torch.arange(NUM_CLASSES))
