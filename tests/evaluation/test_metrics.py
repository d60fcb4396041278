"""PSNR and SSIM agree with scikit-image; means over images depend on neither batches nor processes."""

import math

import numpy as np
import pytest
import skimage.data
import skimage.metrics
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from chromahint.evaluation.metrics import MeanPerImage, psnr, psnr_8bit_lab, psnr_float, ssim


def batch(*images):
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def noisy(image, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma, image.shape)
    return (image + noise).round().clip(0, 255).astype(np.uint8)


def pairs():
    natural = [
        skimage.data.astronaut()[100:300, 150:310],
        skimage.data.coffee()[100:300, 200:360],
        skimage.data.chelsea()[50:250, 100:260],
    ]
    near_white = noisy(np.full((200, 160, 3), 252.0), 1)
    near_black = noisy(np.full((200, 160, 3), 2.0), 1)
    noise = np.random.default_rng(1).integers(0, 256, (200, 160, 3), dtype=np.uint8)
    targets = [*natural, near_white, near_black, noise]
    predictions = [noisy(target, sigma, 2) for target, sigma in zip(targets, (1, 8, 30, 1, 2, 20), strict=True)]
    gray = natural[0].mean(2, keepdims=True).round().astype(np.uint8).repeat(3, 2)
    return batch(*predictions, gray), batch(*targets, natural[0])


def reference(metric, prediction, target):
    both = zip(prediction, target, strict=True)
    return [metric(t.permute(1, 2, 0).numpy(), p.permute(1, 2, 0).numpy()) for p, t in both]


def reference_psnr(target, prediction):
    return skimage.metrics.peak_signal_noise_ratio(target, prediction, data_range=255)


def reference_ssim(target, prediction):
    return skimage.metrics.structural_similarity(target, prediction, channel_axis=2, data_range=255)


@pytest.mark.parametrize("autocast", [False, True])
def test_psnr_agrees_with_scikit_image(autocast):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        values = psnr(*pairs())
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx(reference(reference_psnr, *pairs()), abs=1e-4)


@pytest.mark.parametrize("autocast", [False, True])
def test_ssim_agrees_with_scikit_image(autocast):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        values = ssim(*pairs())
    assert values.dtype == torch.float32
    assert values.tolist() == pytest.approx(reference(reference_ssim, *pairs()), abs=2e-5)


@pytest.mark.parametrize("size", [(7, 7), (7, 20), (8, 9)])
def test_ssim_of_small_images(size):
    target, prediction = (noisy(np.full((*size, 3), 120.0), 40, seed) for seed in (1, 2))
    expected = reference_ssim(target, prediction)
    assert float(ssim(batch(prediction), batch(target))) == pytest.approx(expected, abs=1e-5)


def test_perfect_images():
    _, target = pairs()
    assert psnr(target, target).tolist() == [100.0] * 7
    assert ssim(target, target).tolist() == pytest.approx([1.0] * 7, abs=1e-6)


def test_psnr_of_one_wrong_value_is_not_capped():
    target = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    prediction = target.clone()
    prediction[0, 0, 0, 0] = 1
    assert float(psnr(prediction, target)) == pytest.approx(10 * math.log10(255**2 * 192), abs=1e-4)


def test_psnr_of_8_bit_lab_agrees_with_scikit_image():
    rng = np.random.default_rng(0)
    labs = [(rng.uniform(0, 100, (4, 1, 20, 30)), rng.uniform(-145, 145, (4, 2, 20, 30))) for _ in range(2)]
    # OpenCV's 8-bit Lab, which clamps a and b to -128..127
    tensors = [
        np.concatenate([light * 255 / 100, ab + 128], 1).round().clip(0, 255).astype(np.uint8) for light, ab in labs
    ]
    expected = [skimage.metrics.peak_signal_noise_ratio(t, p, data_range=255) for p, t in zip(*tensors, strict=True)]
    prediction, target = ((torch.from_numpy(light), torch.from_numpy(ab)) for light, ab in labs)
    assert psnr_8bit_lab(prediction, target).tolist() == pytest.approx(expected, abs=1e-3)


def test_psnr_of_unrounded_images_agrees_with_scikit_image():
    target, prediction = np.random.default_rng(0).random((2, 4, 3, 20, 30), dtype=np.float32)
    prediction[0] = target[0] + (prediction[0] - target[0]) * 1e-4
    expected = [
        skimage.metrics.peak_signal_noise_ratio(t, p, data_range=1) for p, t in zip(prediction, target, strict=True)
    ]
    both = torch.from_numpy(prediction), torch.from_numpy(target)
    assert psnr_float(*both).tolist() == pytest.approx(expected, abs=1e-3)
    assert expected[0] > 60
    assert psnr_float(*both, max_psnr=60).tolist() == pytest.approx([60, *expected[1:]], abs=1e-3)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_value_of_an_image_does_not_depend_on_the_batch(metric):
    prediction, target = pairs()
    batched = metric(prediction, target)
    separate = torch.cat([metric(p[None], t[None]) for p, t in zip(prediction, target, strict=True)])
    torch.testing.assert_close(batched, separate, atol=1e-6, rtol=0)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_error_unless_both_are_8_bit_rgb_of_the_same_size(metric):
    valid = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"prediction of torch\.float32"):
        metric(valid.float(), valid)
    with pytest.raises(ValueError, match=r"target of torch\.uint8 and shape"):
        metric(valid, valid[:, :1])
    with pytest.raises(ValueError, match="shapes must be equal"):
        metric(valid, valid[..., :10])


def test_error_if_images_are_smaller_than_the_ssim_window():
    small = torch.zeros(1, 3, 6, 20, dtype=torch.uint8)
    with pytest.raises(ValueError, match="6x20 pixels"):
        ssim(small, small)


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_mean_is_over_images_and_ignores_weight_0(metric):
    values = metric(*pairs())
    weight = torch.tensor([1.0, 0, 1, 1, 0, 1, 1])
    mean = MeanPerImage()
    mean.update(values[:3], weight[:3])
    mean.update(values[3:], weight[3:])
    assert float(mean.compute()) == pytest.approx(float(values[weight > 0].double().mean()), abs=2e-6)
    mean.reset()
    mean.update(values[:2])
    assert float(mean.compute()) == pytest.approx(float(values[:2].double().mean()), abs=2e-6)


def test_mean_does_not_depend_on_order_and_batch_size():
    values = torch.rand(1000, generator=torch.Generator().manual_seed(0)) * 40
    means = []
    for batch_size in (1000, 7, 3):
        metric = MeanPerImage()
        for values_of_batch in values.flip(0).split(batch_size) if batch_size == 7 else values.split(batch_size):
            metric.update(values_of_batch)
        means.append(metric.compute())
    assert means[0] == means[1] == means[2]


def test_mean_without_images_is_nan():
    metric = MeanPerImage()
    metric.update(psnr(*pairs()), weight=torch.zeros(7))
    assert math.isnan(metric.compute())


def test_metric_that_was_reset_in_inference_mode_can_be_used_outside():
    metric = MeanPerImage()
    with torch.inference_mode():
        metric.update(torch.ones(2))
        metric.reset()
    metric.update(torch.ones(2) * 3)
    assert metric.compute() == 3


def compute_mean_on_rank(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.set_num_threads(1)
    prediction, target = pairs()
    weight = torch.tensor([1.0, 0, 1, 1, 1, 1, 1])
    shard = slice(0, 5) if rank == 0 else slice(5, 7)
    means = {}
    for metric in (psnr, ssim):
        mean = MeanPerImage()
        mean.update(metric(prediction[shard], target[shard]), weight[shard])
        means[metric.__name__] = mean.compute()
    torch.save(means, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_compute_the_same_mean_as_one(tmp_path):
    mp.spawn(compute_mean_on_rank, (str(tmp_path),), nprocs=2)
    for rank in (0, 1):
        means = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for metric in (psnr, ssim):
            expected = MeanPerImage()
            expected.update(metric(*pairs()), torch.tensor([1.0, 0, 1, 1, 1, 1, 1]))
            assert means[metric.__name__] == expected.compute()
