"""Losses, compared with NumPy, PyTorch and scikit-image."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import correlate1d
from skimage.color import lab2rgb
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from chromahint.hints.gamut_bins import gamut_bins
from chromahint.models.ab_bins import ab_classes
from chromahint.training.losses import L1SSIM, MSE, PSNR, Huber, RebalancedClasses, Zhang, ab_ssim

LOSSES = [L1SSIM(), MSE(), Huber(), PSNR(), Zhang()]


@pytest.fixture
def batch():
    """Smooth colors that differ by noise: prediction, target, lightness, logits."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.randn(2, 2, 6, 5, generator=generator) * 40
    target = F.interpolate(coarse, size=(30, 25), mode="bicubic").clamp(-100, 100)
    prediction = target + torch.randn(2, 2, 30, 25, generator=generator) * 8
    lightness = torch.rand(2, 1, 30, 25, generator=generator) * 100
    logits = torch.randn(2, 529, 8, 7, generator=generator) * 3
    return prediction, target, lightness, logits


def to_lab8(lightness, ab):
    return np.concatenate([lightness.numpy() / 100, (ab.numpy() + 128) / 255], axis=1).astype(np.float64)


def ssim_map(x, y):
    """SSIM of one channel in float64 with zero padding, by the formula and SciPy's correlation."""
    offsets = np.arange(-5, 6)
    window = np.exp(-(offsets**2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(z):
        return correlate1d(correlate1d(z, window, axis=0, mode="constant"), window, axis=1, mode="constant")

    mean_x, mean_y = blur(x), blur(y)
    covariance = blur(x * y) - mean_x * mean_y
    variances = blur(x * x) - mean_x**2 + blur(y * y) - mean_y**2
    luminance = (2 * mean_x * mean_y + 1e-4) / (mean_x**2 + mean_y**2 + 1e-4)
    return luminance * (2 * covariance + 9e-4) / (variances + 9e-4)


def test_l1_ssim_is_the_weighted_sum_over_all_three_channels(batch):
    prediction, target, lightness, _ = batch
    x, y = to_lab8(lightness, prediction), to_lab8(lightness, target)
    ssim = np.mean([ssim_map(a, b) for photo in zip(x, y, strict=True) for a, b in zip(*photo, strict=True)])
    expected = 0.8 * np.abs(x[:, 1:] - y[:, 1:]).mean() + 0.2 * (1 - ssim)
    assert 0.3 < ssim < 0.95
    assert L1SSIM()(prediction, target, lightness).item() == pytest.approx(expected, rel=1e-5)
    assert L1SSIM(1, 0)(prediction, target, lightness).item() == pytest.approx(np.abs(x - y)[:, 1:].mean(), rel=1e-5)
    assert L1SSIM(0, 1)(prediction, target, lightness).item() == pytest.approx(1 - ssim, rel=1e-5)


def test_reference_ssim_matches_scikit_image_inside_the_border(batch):
    prediction, target, lightness, _ = batch
    x, y = to_lab8(lightness, prediction)[0, 1], to_lab8(lightness, target)[0, 1]
    # truncated at 3.5 sigma, scikit-image's Gaussian is 11 pixels wide
    _, reference = structural_similarity(
        x, y, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    np.testing.assert_allclose(ssim_map(x, y)[5:-5, 5:-5], reference[5:-5, 5:-5], atol=1e-12)


@pytest.mark.parametrize("size", [(3, 4), (1, 1), (64, 48)])
def test_ssim_of_equal_colors_is_one_at_any_size(size):
    ab = torch.randn(2, 2, *size) * 30
    assert ab_ssim(ab, ab).item() == pytest.approx(1, abs=1e-6)


def test_mse_is_on_8_bit_lab(batch):
    prediction, target, lightness, _ = batch
    expected = ((to_lab8(lightness, prediction) - to_lab8(lightness, target))[:, 1:] ** 2).mean()
    assert MSE()(prediction, target, lightness).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("delta", [0.01, 0.3])
def test_huber_is_the_textbook_huber_over_delta_summed_over_a_and_b(batch, delta):
    prediction, target, lightness, _ = batch
    textbook = F.huber_loss(prediction / 110, target / 110, delta=delta, reduction="none").sum(1).mean() / delta
    assert Huber(delta)(prediction, target, lightness).item() == pytest.approx(textbook.item(), rel=1e-5)


def test_huber_has_slope_one_far_away():
    far = torch.full((1, 2, 4, 4), 110.0)
    assert Huber()(far, torch.zeros_like(far), far[:, :1]).item() == pytest.approx(2 * (1 - 0.005))


def test_psnr_matches_scikit_image_per_image(batch):
    prediction, target, lightness, _ = batch
    rgb = [
        lab2rgb(torch.cat([lightness, ab], dim=1).permute(0, 2, 3, 1).double().numpy()) for ab in (prediction, target)
    ]
    expected = np.mean([peak_signal_noise_ratio(y, x, data_range=1) for x, y in zip(*rgb, strict=True)])
    assert float(PSNR(max_psnr=100)(prediction, target, lightness)) == pytest.approx(10 - expected / 10, abs=1e-4)


def test_zhang_is_cross_entropy_plus_ten_times_l1(batch):
    prediction, target, lightness, logits = batch
    classes = np.clip(np.round((target.numpy()[:, :, ::4, ::4] + 110) / 10), 0, 22).astype(int)
    classes = 23 * classes[:, 0] + classes[:, 1]
    z = logits.numpy().astype(np.float64)
    cross_entropy = np.log(np.exp(z).sum(1)) - np.take_along_axis(z, classes[:, None], axis=1)[:, 0]
    l1 = (np.abs((prediction - target).numpy()) / 110).sum(axis=1).mean()
    expected = cross_entropy.mean() + 10 * l1
    assert Zhang()(prediction, target, lightness, logits).item() == pytest.approx(expected, rel=1e-5)
    assert Zhang(0.5, 0)(prediction, target, lightness, logits).item() == pytest.approx(
        cross_entropy.mean() / 2, rel=1e-5
    )


@pytest.mark.parametrize(
    ("a", "b", "index"),
    [
        (-110, -110, 0),
        (-110, 110, 22),
        (110, -110, 506),
        (110, 110, 528),
        (0, 0, 264),  # 23 * 11 + 11
        (4.9, -4.9, 264),
        (5.1, 0, 287),
        (0, -5.1, 263),
        (-128, 127, 22),  # outside the grid: clamped
    ],
)
def test_classes_of_known_colors(a, b, index):
    assert ab_classes(torch.tensor([a, b], dtype=torch.float32).view(1, 2, 1, 1)).tolist() == [[[index]]]


def test_classes_of_every_fourth_pixel():
    ab = torch.zeros(1, 2, 9, 6)
    ab[0, 0, 4, 0] = 30
    ab[0, 1, 8, 4] = -20
    ab[0, :, 5, 5] = 100
    assert ab_classes(ab).tolist() == [[[264, 264], [264 + 3 * 23, 264], [264, 262]]]


@pytest.mark.parametrize("logits", [None, torch.zeros(2, 529, 30, 25), torch.zeros(2, 313, 8, 7)])
def test_zhang_reports_missing_logits(batch, logits):
    with pytest.raises(ValueError, match=r"\(2, 529, 8, 7\).*model=zhang"):
        Zhang()(*batch[:3], logits)


def test_only_zhang_needs_classes():
    assert [loss.needs_classes for loss in LOSSES] == [False, False, False, False, True]


@pytest.mark.parametrize("uniform_weight", [0.5, 0.0])
def test_rebalanced_classes_match_their_definition(batch, uniform_weight):
    prediction, target, lightness, _ = batch
    random = np.random.default_rng(0)
    prior = random.dirichlet(np.ones(313))
    logits = torch.from_numpy(random.normal(size=(2, 313, 8, 7)))
    weights = 1 / ((1 - uniform_weight) * prior + uniform_weight / 313)
    weights /= (prior * weights).sum()
    bins, total = gamut_bins().numpy(), 0.0
    for image in range(2):
        for row in range(8):
            for column in range(7):
                color = target[image, :, 4 * row, 4 * column].numpy()
                distance = np.linalg.norm(bins - color, axis=1)
                nearest = np.argsort(distance)[:5]
                share = np.exp(-(distance[nearest] ** 2) / (2 * 5**2))
                share /= share.sum()
                scores = logits[image, :, row, column].numpy()
                log_probability = scores - np.log(np.exp(scores).sum())
                total += weights[nearest[0]] * -(share * log_probability[nearest]).sum()
    loss = RebalancedClasses([float(each) for each in prior], uniform_weight)
    assert loss(prediction, target, lightness, logits).item() == pytest.approx(total / (2 * 8 * 7), rel=1e-4)


def test_rebalanced_classes_without_a_prior_weigh_all_colors_alike(batch):
    prediction, target, lightness, _ = batch
    logits = torch.randn(2, 313, 8, 7, generator=torch.Generator().manual_seed(0))
    uniform = RebalancedClasses([1 / 313] * 313, 0.5)(prediction, target, lightness, logits)
    torch.testing.assert_close(RebalancedClasses()(prediction, target, lightness, logits), uniform)


def test_rebalanced_classes_report_other_classes(batch):
    with pytest.raises(ValueError, match=r"\(2, 313, 8, 7\).*model=zhang2016"):
        RebalancedClasses()(*batch)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
class TestEveryLoss:
    def test_computes_in_float32_under_autocast(self, loss, batch):
        expected = loss(*batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(*batch)
        assert value.dtype == torch.float32
        assert torch.equal(value, expected)

    def test_computes_low_precision_predictions_in_float32(self, loss, batch):
        prediction, target, lightness, logits = batch
        low_precision = prediction.bfloat16()
        value = loss(low_precision, target, lightness, logits.bfloat16())
        assert torch.equal(value, loss(low_precision.float(), target, lightness, logits.bfloat16().float()))

    def test_gradient_matches_finite_differences(self, loss, batch):
        prediction, target, lightness, logits = batch
        prediction = prediction.clone().requires_grad_()
        loss(prediction, target, lightness, logits).backward()
        direction = prediction.grad / prediction.grad.norm()
        step = 0.5
        with torch.no_grad():
            ahead = loss(prediction + step * direction, target, lightness, logits)
            behind = loss(prediction - step * direction, target, lightness, logits)
        assert prediction.grad.norm() > 0
        assert ((ahead - behind) / (2 * step)).item() == pytest.approx(prediction.grad.norm().item(), rel=0.02)

    def test_is_smallest_for_equal_colors(self, loss, batch):
        prediction, target, lightness, logits = batch
        equal = loss(target, target, lightness, logits)
        assert equal < loss(prediction, target, lightness, logits)
        if not loss.needs_classes:
            assert equal.item() == pytest.approx(0, abs=1e-6)

    def test_trains_after_use_in_inference_mode(self, loss, batch):
        with torch.inference_mode():
            loss(*batch)
        prediction = batch[0].clone().requires_grad_()
        loss(prediction, *batch[1:]).backward()
        assert prediction.grad.isfinite().all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L1SSIM(l1_weight=-0.8), "loss.l1_weight=-0.8: must be a number >= 0. Try loss.l1_weight=0.8"),
        (lambda: L1SSIM(0, 0), "loss.l1_weight=0 loss.ssim_weight=0: at least one weight must be > 0"),
        (lambda: Zhang(class_weight=-1), "loss.class_weight=-1: must be a number >= 0. Try loss.class_weight=1"),
        (lambda: Huber(0), "loss.delta=0: must be a number > 0. Try loss.delta=0.01"),
        (lambda: RebalancedClasses([0.5, 0.5]), "loss.color_prior=.*: must be a list .* of 313, each item a number"),
        (lambda: PSNR(0), "loss.max_psnr=0: must be a number > 0 and <= 200. Try loss.max_psnr=40"),
    ],
)
def test_invalid_options_are_reported(make, message):
    with pytest.raises(ValueError, match=message):
        make()
