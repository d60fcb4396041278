"""What every network promises, whatever is inside."""

import pytest
import torch

from chromahint.hints.hints import Hints, hints_from_mask, no_hints
from chromahint.models.ab_bins import CLASSES, ab_classes, class_ab
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
from chromahint.models.zhang2017 import Zhang2017
from support.random_weights import disturbed_state


def spreadnet(zero_init_head=False, **options):
    """Untrained it spreads hints and adds nothing of its own; here each of its layers speaks, as in others that start
    from noise. Few steps compile sooner."""
    network = SpreadNet(propagation_steps=1, **options)
    network.load_state_dict(disturbed_state(network))
    return network


FROM_NEUTRAL = {
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
    "zhang2017": lambda **options: Zhang2017(**options),
    "zhang2017 classes": lambda **options: Zhang2017(stage="classes", init="normal", **options),
    "icolorit": lambda **options: IColoriT(depth=2, **options),
}
TRAINED = FROM_NEUTRAL | {"spreadnet": spreadnet}
UNTRAINED = {
    "levin": lambda **_: Levin(),
    "levin exact": lambda **_: Levin(solver="exact"),
    "pullpush": lambda **_: PullPush(),
    "gray": lambda **_: GrayBaseline(),
}
ALL = TRAINED | UNTRAINED
network_of_each_kind = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
network_from_neutral = pytest.mark.parametrize("make", FROM_NEUTRAL.values(), ids=FROM_NEUTRAL.keys())
trained_network = pytest.mark.parametrize("make", TRAINED.values(), ids=TRAINED.keys())


def picture(height: int, width: int, batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, Hints]:
    generator = torch.Generator().manual_seed(seed)
    lightness = torch.rand(batch, 1, height, width, generator=generator) * 100
    ab = torch.rand(batch, 2, height, width, generator=generator) * 160 - 80
    mask = (torch.rand(batch, 1, height, width, generator=generator) < 0.1).float()
    return lightness, hints_from_mask(ab, mask)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (lambda: HSCAUNet(), 31_082_194),
        (lambda: HSCAUNet(channel_attention="spatial"), 31_039_066),
        (lambda: UNet(), 31_038_274),
        (lambda: Zhang2017(), 34_187_027),
        (lambda: IColoriT(), 89_478_416),
    ],
)
def test_published_width_has_the_published_number_of_parameters(make, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in make().parameters()) == parameters


def test_resunet_has_about_the_published_number_of_parameters():
    with torch.device("meta"):
        assert round(sum(p.numel() for p in ResUNet().parameters()) / 1e6, 2) == 8.22


@network_of_each_kind
@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (37, 50), (32, 48)])
def test_any_size_in_is_the_size_out(make, height, width):
    torch.manual_seed(0)
    network = make(width=4, **({} if make in UNTRAINED.values() else {"zero_init_head": False})).eval()
    lightness, hints = picture(height, width)
    with torch.no_grad():
        ab = network(lightness, hints)
    assert ab.shape == (2, 2, height, width)
    assert ab.dtype == torch.float32
    assert torch.isfinite(ab).all()


@trained_network
def test_padding_continues_lightness_and_adds_no_hints(make):
    torch.manual_seed(0)
    network = make(width=4, zero_init_head=False).eval()
    lightness, hints = picture(27, 30)
    room = (0, 2, 0, 5)
    by_hand = Hints(torch.nn.functional.pad(hints.ab, room), torch.nn.functional.pad(hints.mask, room))
    rows, columns = torch.arange(32).clamp(max=26), torch.arange(32).clamp(max=29)
    with torch.no_grad():
        expected = network(lightness[:, :, rows][:, :, :, columns], by_hand)[..., :27, :30]
        torch.testing.assert_close(network(lightness, hints), expected)


@network_from_neutral
def test_untrained_network_predicts_no_color(make):
    torch.manual_seed(0)
    network = make(width=4)
    lightness, hints = picture(32, 32)
    with torch.no_grad():
        in_float32 = network(lightness, hints)
        with torch.autocast("cpu", torch.bfloat16):
            in_bfloat16 = network(lightness, hints)
    assert in_float32.abs().max() < 1e-4  # tanh and its inverse meet to this
    assert in_bfloat16.abs().max() < 1e-4


@network_from_neutral
def test_neutral_start_learns_and_without_it_the_start_is_noise(make):
    torch.manual_seed(0)
    lightness, hints = picture(32, 32)
    noise = make(width=4, zero_init_head=False)(lightness, hints)
    assert noise.std() > 1e-3

    network = make(width=4)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(2):
        network(lightness, hints).sub(20).abs().mean().backward()
        optimizer.step()
    assert network(lightness, hints).abs().mean() > 0.1


@trained_network
def test_autocast_and_channels_last_give_the_same_colors(make):
    torch.manual_seed(0)
    network = make(width=8, zero_init_head=False).eval()
    lightness, hints = picture(32, 32)
    with torch.no_grad():
        plain = network(lightness, hints)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(lightness, hints)
        last = network.to(memory_format=torch.channels_last)(lightness, hints)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, plain, atol=0.03 * float(plain.abs().max()), rtol=0)
    torch.testing.assert_close(last, plain, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("name", ["hscaunet cbam", "unet", "attention unet without mask", "resunet", "multibranch"])
def test_mixed_precision_keeps_what_the_first_layer_tells_apart(name):
    """Neutral gray is a large number there: rounded in bfloat16 it would drown the differences BatchNorm looks for."""
    torch.manual_seed(0)
    network = TRAINED[name](width=8)
    lightness, hints = picture(32, 32)
    seen = []
    first = next(layer for layer in network.modules() if isinstance(layer, torch.nn.BatchNorm2d))
    first.register_forward_hook(lambda layer, inputs, output: seen.append(output.detach().clone()))
    network(lightness, hints)
    with torch.autocast("cpu", torch.bfloat16):
        network(lightness, hints)
    assert (seen[1].float() - seen[0]).abs().max() < 1e-3


def test_the_first_layer_listens_to_hints_over_lightness():
    torch.manual_seed(0)
    heard = UNet(width=4)
    torch.manual_seed(0)
    plain = UNet(width=4, zero_init_head=False)
    ratio = heard.inc.double_conv[0].weight / plain.inc.double_conv[0].weight
    torch.testing.assert_close(ratio.mean(dim=(0, 2, 3)), torch.tensor([1.0, 20.0, 20.0, 1.0]))


@trained_network
def test_hints_change_the_prediction(make):
    torch.manual_seed(0)
    # in training mode: what BatchNorm has not measured yet, it does not keep from fading from layer to layer
    network = make(width=4, zero_init_head=False)
    lightness, hints = picture(32, 32)
    with torch.no_grad():
        hinted, plain = network(lightness, hints), network(lightness, no_hints(lightness))
    assert (hinted - plain).abs().max() > 0.05 * plain.abs().max()


@pytest.mark.parametrize(
    "name",
    [
        "hscaunet cbam", "hscaunet spatial", "attention unet", "resunet", "multibranch hint encoder", "zhang2017",
        "icolorit", "spreadnet",
    ],
)  # fmt: skip
def test_compiles_as_one_graph(name):
    torch.manual_seed(0)
    network = TRAINED[name](width=4, zero_init_head=False).eval()
    lightness, hints = picture(24, 40)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        expected = network(lightness, hints)
        network.compile(backend="aot_eager", fullgraph=True)
        torch.testing.assert_close(network(lightness, hints), expected, atol=0.5, rtol=0.02)
    assert not any("_orig_mod" in key for key in network.state_dict())


def test_gray_predicts_no_color():
    lightness, hints = picture(7, 9)
    assert torch.equal(GrayBaseline()(lightness, hints), torch.zeros(2, 2, 7, 9))


def test_classes_count_b_fastest():
    ab = torch.tensor([[-110.0, -110.0], [-110.0, -100.0], [-100.0, -110.0], [0.0, 0.0], [110.0, 110.0], [4.9, -5.1]])
    expected = [0, 1, 23, 264, 528, 23 * 11 + 10]
    assert ab_classes(ab.view(6, 2, 1, 1)).flatten().tolist() == expected


def test_classes_are_of_every_fourth_pixel():
    ab = torch.full((1, 2, 9, 6), 50.0)
    ab[:, :, ::4, ::4] = 0.0
    assert ab_classes(ab).tolist() == [[[264, 264]] * 3]


def test_every_class_has_its_own_color():
    colors = class_ab()
    assert colors.shape == (CLASSES, 2)
    assert torch.equal(ab_classes(colors.view(CLASSES, 2, 1, 1)).flatten(), torch.arange(CLASSES))
