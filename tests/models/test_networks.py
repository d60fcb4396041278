"""Requirements that every network meets."""

import pytest
import torch

from chromahint.hints.hints import Hints, concatenate_hints, hints_from_mask, no_hints
from chromahint.models.attention_unet import AttentionUNet
from chromahint.models.gray_baseline import GrayBaseline
from chromahint.models.hscaunet import HSCAUNet
from chromahint.models.icolorit import IColoriT
from chromahint.models.levin import Levin
from chromahint.models.multibranch import MultiBranch
from chromahint.models.pullpush import PullPush
from chromahint.models.resunet import ResUNet
from chromahint.models.spreadnet import SpreadNet
from chromahint.models.unet import UNet
from chromahint.models.xiao2019 import Xiao2019
from chromahint.models.zhang2016 import Zhang2016
from chromahint.models.zhang2017 import Zhang2017
from support.random_weights import perturbed_state


def spreadnet(zero_init_head=False, **options):
    """Return a SpreadNet with random weights in every layer. Untrained, its learned terms are all 0.

    One propagation step compiles faster.
    """
    network = SpreadNet(propagation_steps=1, **options)
    network.load_state_dict(perturbed_state(network))
    return network


ZERO_INIT = {
    "hscaunet cbam": lambda **options: HSCAUNet(**options),
    "hscaunet spatial": lambda **options: HSCAUNet(channel_attention="spatial", **options),
    "multibranch": lambda **options: MultiBranch(**options),
    "multibranch base": lambda **options: MultiBranch(branches=[[2, 2, 1]], **options),
    "multibranch hint encoder": lambda **options: MultiBranch(branches=[[2, 2], [1, 1]], hint_encoder=True, **options),
    "unet": lambda **options: UNet(**options),
    "attention unet": lambda **options: AttentionUNet(**options),
    "attention unet without mask": lambda **options: AttentionUNet(mask=False, **options),
    "resunet": lambda **options: ResUNet(**options),
    "resunet 2021": lambda **options: ResUNet(mask=False, output="tanh", **options),
    "resunet alresnet": lambda **options: ResUNet(blocks="alresnet", **options),
    "zhang2017": lambda **options: Zhang2017(**options),
    "zhang2017 classes": lambda **options: Zhang2017(stage="classes", init="normal", **options),
    "zhang2017 global": lambda **options: Zhang2017(global_hints=True, **options),
    "xiao2019": lambda **options: Xiao2019(**options),
    "icolorit": lambda **options: IColoriT(depth=2, **options),
}
TRAINABLE = ZERO_INIT | {"spreadnet": spreadnet}
WITHOUT_HINTS = {"zhang2016": lambda zero_init_head=False, **options: Zhang2016(**options)}
BASELINES = {
    "levin": lambda **_: Levin(),
    "levin exact": lambda **_: Levin(solver="exact"),
    "pullpush": lambda **_: PullPush(),
    "gray": lambda **_: GrayBaseline(),
}
ALL = TRAINABLE | WITHOUT_HINTS | BASELINES
each_network = pytest.mark.parametrize("build", ALL.values(), ids=ALL.keys())
each_zero_init_network = pytest.mark.parametrize("build", ZERO_INIT.values(), ids=ZERO_INIT.keys())
each_trainable_network = pytest.mark.parametrize(
    "build", (TRAINABLE | WITHOUT_HINTS).values(), ids=(TRAINABLE | WITHOUT_HINTS).keys()
)
each_network_with_hints = pytest.mark.parametrize("build", TRAINABLE.values(), ids=TRAINABLE.keys())


def random_input(height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, Hints]:
    generator = torch.Generator().manual_seed(seed)
    lightness = torch.rand(batch, 1, height, width, generator=generator) * 100
    ab = torch.rand(batch, 2, height, width, generator=generator) * 160 - 80
    mask = (torch.rand(batch, 1, height, width, generator=generator) < 0.1).float()
    return lightness, hints_from_mask(ab, mask)


@pytest.mark.parametrize(
    ("build", "parameters"),
    [
        (lambda: HSCAUNet(), 31_082_194),
        (lambda: HSCAUNet(channel_attention="spatial"), 31_039_066),
        (lambda: UNet(), 31_038_274),
        (lambda: Zhang2016(), 32_236_011),
        (lambda: Zhang2017(), 34_187_027),
        (lambda: IColoriT(), 89_478_416),
    ],
)
def test_parameter_count_matches_the_publication(build, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in build().parameters()) == parameters


def test_resunet_parameter_count_matches_the_rounded_publication():
    with torch.device("meta"):
        assert round(sum(p.numel() for p in ResUNet().parameters()) / 1e6, 2) == 8.22


@each_network
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50), (32, 48)])
def test_output_has_the_size_of_the_input(build, height, width):
    torch.manual_seed(0)
    network = build(width=4, **({} if build in BASELINES.values() else {"zero_init_head": False})).eval()
    lightness, hints = random_input(height, width)
    with torch.no_grad():
        ab = network(lightness, hints)
    assert ab.shape == (2, 2, height, width)
    assert ab.dtype == torch.float32
    assert torch.isfinite(ab).all()


@each_zero_init_network  # SpreadNet pads only one of its two inputs
def test_padding_replicates_lightness_and_adds_no_hints(build):
    torch.manual_seed(0)
    network = build(width=4, zero_init_head=False).eval()
    lightness, hints = random_input(27, 30)
    amounts = (0, 2, 0, 5)
    by_hand = Hints(torch.nn.functional.pad(hints.ab, amounts), torch.nn.functional.pad(hints.mask, amounts))
    rows, columns = torch.arange(32).clamp(max=26), torch.arange(32).clamp(max=29)
    with torch.no_grad():
        expected = network(lightness[:, :, rows][:, :, :, columns], by_hand)[..., :27, :30]
        torch.testing.assert_close(network(lightness, hints), expected)


@each_zero_init_network
def test_untrained_network_predicts_no_color(build):
    torch.manual_seed(0)
    network = build(width=4)
    lightness, hints = random_input(32, 32)
    with torch.no_grad():
        in_float32 = network(lightness, hints)
        with torch.autocast("cpu", torch.bfloat16):
            in_bfloat16 = network(lightness, hints)
    assert in_float32.abs().max() < 1e-4  # the rounding error of tanh(atanh(x))
    assert in_bfloat16.abs().max() < 1e-4


@each_zero_init_network
def test_zero_init_head_can_learn_and_default_init_predicts_noise(build):
    torch.manual_seed(0)
    lightness, hints = random_input(32, 32)
    noise = build(width=4, zero_init_head=False)(lightness, hints)
    assert noise.std() > 1e-3

    network = build(width=4)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(2):
        network(lightness, hints).sub(20).abs().mean().backward()
        optimizer.step()
    assert network(lightness, hints).abs().mean() > 0.1


@each_trainable_network
def test_autocast_and_channels_last_match_float32(build):
    torch.manual_seed(0)
    network = build(width=8, zero_init_head=False).eval()
    lightness, hints = random_input(32, 32)
    with torch.no_grad():
        plain = network(lightness, hints)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(lightness, hints)
        last = network.to(memory_format=torch.channels_last)(lightness, hints)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain, atol=0.03 * float(plain.abs().max()), rtol=0)
    torch.testing.assert_close(last, plain, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", ["hscaunet cbam", "unet", "attention unet without mask", "resunet", "multibranch"])
def test_first_layer_keeps_float32_precision_under_autocast(name):
    """In bfloat16, the rounding error of neutral gray would be as large as the signal that BatchNorm extracts."""
    torch.manual_seed(0)
    network = TRAINABLE[name](width=8)
    lightness, hints = random_input(32, 32)
    outputs = []
    first = next(layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    first.register_forward_hook(lambda layer, inputs, output: outputs.append(output.detach().clone()))
    network(lightness, hints)
    with torch.autocast("cpu", torch.bfloat16):
        network(lightness, hints)
    assert (outputs[1].float() - outputs[0]).abs().max() < 1e-3


def test_zero_init_head_scales_hint_weights_of_the_first_layer():
    torch.manual_seed(0)
    scaled = UNet(width=4)
    torch.manual_seed(0)
    plain = UNet(width=4, zero_init_head=False)
    ratio = scaled.inc.double_conv[0].weight / plain.inc.double_conv[0].weight
    torch.testing.assert_close(ratio.mean(dim=(0, 2, 3)), torch.tensor([1.0, 20.0, 20.0, 1.0]))


@each_network_with_hints
def test_hints_change_the_prediction(build):
    torch.manual_seed(0)
    # in training mode, because without running statistics the signal would vanish from layer to layer
    network = build(width=4, zero_init_head=False)
    lightness, hints = random_input(32, 32)
    with torch.no_grad():
        hinted, plain = network(lightness, hints), network(lightness, no_hints(lightness))
    assert (hinted - plain).abs().max() > 0.05 * plain.abs().max()


@pytest.mark.parametrize("name", ["spreadnet", "xiao2019", "zhang2017 global"])
def test_a_palette_changes_the_prediction_of_its_image_only(name):
    torch.manual_seed(0)
    network = TRAINABLE[name](width=4, zero_init_head=False).eval()
    network.load_state_dict(perturbed_state(network))
    lightness, _ = random_input(32, 32)
    hints = no_hints(lightness)
    palette = Hints.palette(["#aa3333", "#445566"], (32, 32))
    with_palette = hints._replace(global_hints=concatenate_hints([palette, no_hints(lightness[1:])]).global_hints)
    with torch.no_grad():
        plain, colored = network(lightness, hints), network(lightness, with_palette)
    assert network.takes_palette
    assert (colored[0] - plain[0]).abs().max() > 1e-3
    torch.testing.assert_close(colored[1], plain[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("build", WITHOUT_HINTS.values(), ids=WITHOUT_HINTS.keys())
def test_hints_have_no_effect_on_automatic_networks(build):
    torch.manual_seed(0)
    network = build(width=4).eval()
    lightness, hints = random_input(32, 32)
    with torch.no_grad():
        assert torch.equal(network(lightness, hints), network(lightness, no_hints(lightness)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "hscaunet cbam", "hscaunet spatial", "attention unet", "resunet", "multibranch hint encoder", "zhang2017",
        "icolorit", "spreadnet", "zhang2016", "zhang2017 global", "xiao2019",
    ],
)  # fmt: skip
def test_compiles_as_one_graph(name):
    torch.manual_seed(0)
    network = ALL[name](width=4, zero_init_head=False).eval()
    lightness, hints = random_input(24, 40)
    network.compile(backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(network(lightness, hints), network.forward(lightness, hints), atol=0.01, rtol=1e-4)
        with torch.autocast("cpu", torch.bfloat16):
            difference = network(lightness, hints) - network.forward(lightness, hints)
    # a compiled graph rounds to bfloat16 in other places
    assert difference.abs().mean() < 0.05
    assert not any("_orig_mod" in key for key in network.state_dict())


def test_gray_predicts_no_color():
    lightness, hints = random_input(7, 9)
    assert torch.equal(GrayBaseline()(lightness, hints), torch.zeros(2, 2, 7, 9))
