"""iColoriT against its published sizes and state dict keys, and against a slow implementation of the same layers."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from chromahint.hints.hints import hints_from_mask, no_hints
from chromahint.models.icolorit import IColoriT, resize_table

TINY = {
    "patch_embed.proj.weight": (192, 4, 16, 16),
    "patch_embed.proj.bias": (192,),
    "norm.weight": (192,),
    "norm.bias": (192,),
    "head.head.weight": (512, 192, 3, 3),
    "head.head.bias": (512,),
}
TINY_BLOCK = {
    "norm1.weight": (192,),
    "norm1.bias": (192,),
    "attn.qkv.weight": (576, 192),
    "attn.q_bias": (192,),
    "attn.v_bias": (192,),
    "attn.rpb_table": (729, 3),
    "attn.relative_position_index": (196, 196),
    "attn.proj.weight": (192, 192),
    "attn.proj.bias": (192,),
    "norm2.weight": (192,),
    "norm2.bias": (192,),
    "mlp.fc1.weight": (768, 192),
    "mlp.fc1.bias": (768,),
    "mlp.fc2.weight": (192, 768),
    "mlp.fc2.bias": (192,),
}


def random_input(height, width, batch=1):
    generator = torch.Generator().manual_seed(2)
    lightness = torch.rand(batch, 1, height, width, generator=generator) * 100
    ab = torch.rand(batch, 2, height, width, generator=generator) * 200 - 100
    return lightness, hints_from_mask(ab, (torch.rand(batch, 1, height, width, generator=generator) < 0.2).float())


def random_state(network):
    generator = torch.Generator().manual_seed(1)
    state = {}
    for key, value in network.state_dict().items():
        if not value.is_floating_point():
            state[key] = value
        elif value.ndim == 1 or key.endswith("rpb_table"):
            state[key] = torch.randn(value.shape, generator=generator) * 0.5 + float("norm" in key)
        else:
            state[key] = torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5
    return state


def resized(table, old, new):
    maps = table.T.reshape(1, -1, *old)
    return F.interpolate(maps, size=new, mode="bilinear", antialias=True)[0].flatten(1).T


def reference(lightness, hints, state, heads, center):
    """Compute one image, whose height and width are multiples of 16, with loops over tokens and pixels."""
    rows, columns = (side // 16 for side in lightness.shape[2:])
    tokens = [(i, j) for i in range(rows) for j in range(columns)]

    def norm(x, name):
        x = x - x.mean(1, keepdim=True)
        return x / (x.square().mean(1, keepdim=True) + 1e-6).sqrt() * state[f"{name}.weight"] + state[f"{name}.bias"]

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def attention(x, name):
        weights = state[f"{name}.qkv.weight"].chunk(3)
        query, key, value = (x @ weight.T for weight in weights)
        query, value = query + state[f"{name}.q_bias"], value + state[f"{name}.v_bias"]
        table = resized(state[f"{name}.rpb_table"], (27, 27), (2 * rows - 1, 2 * columns - 1))
        size = query.shape[1] // heads
        joined = []
        for head in range(heads):
            offsets = table[:, head].reshape(2 * rows - 1, 2 * columns - 1).tolist()
            bias = [[offsets[y - v + rows - 1][x - u + columns - 1] for v, u in tokens] for y, x in tokens]
            part = slice(head * size, (head + 1) * size)
            score = (query[:, part] @ key[:, part].T / math.sqrt(size) + torch.tensor(bias)).exp()
            joined.append(score / score.sum(1, keepdim=True) @ value[:, part])
        return linear(torch.cat(joined, 1), f"{name}.proj")

    inputs = torch.cat([lightness / 100 - 0.5, hints.ab / 110, hints.mask - center], 1)[0]
    patches = torch.stack([inputs[:, 16 * i : 16 * i + 16, 16 * j : 16 * j + 16].flatten() for i, j in tokens])
    x = patches @ state["patch_embed.proj.weight"].flatten(1).T + state["patch_embed.proj.bias"]
    width = x.shape[1]
    waves = [
        [(math.cos if c % 2 else math.sin)(n / 10000 ** ((c - c % 2) / width)) for c in range(width)]
        for n in range(196)
    ]
    x = x + resized(torch.tensor(waves), (14, 14), (rows, columns))
    for i in range(sum(key.endswith("rpb_table") for key in state)):
        x = x + attention(norm(x, f"blocks.{i}.norm1"), f"blocks.{i}.attn")
        hidden = linear(norm(x, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")
        x = x + linear(hidden * (1 + torch.erf(hidden / math.sqrt(2))) / 2, f"blocks.{i}.mlp.fc2")
    x = norm(x, "norm").T.reshape(width, rows, columns)
    mirrored = x[:, [1, *range(rows), rows - 2]][:, :, [1, *range(columns), columns - 2]]
    values = F.conv2d(mirrored, state["head.head.weight"], state["head.head.bias"])
    ab = torch.empty(2, 16 * rows, 16 * columns)
    for row in range(16 * rows):
        for column in range(16 * columns):
            first = (row % 16 * 16 + column % 16) * 2
            ab[:, row, column] = values[first : first + 2, row // 16, column // 16]
    return 110 * torch.tanh(ab)[None]


@pytest.mark.parametrize(
    ("height", "width", "center"), [(224, 224, 0.0), (224, 224, 0.5), (256, 256, 0.0), (128, 80, 0.0)]
)
def test_matches_a_loop_implementation(height, width, center):
    network = IColoriT(width=128, depth=2, mask_offset=center)
    state = random_state(network)
    network.load_state_dict(state)
    lightness, hints = random_input(height, width)
    with torch.no_grad():
        expected = reference(lightness, hints, state, heads=2, center=center)
        ab = network.eval()(lightness, hints)
    assert expected.std() > 10
    torch.testing.assert_close(ab / 110, expected / 110, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("width", "parameters", "gmac"), [(192, 6_444_740, 1.4), (384, 23_505_800, 4.9), (768, 89_478_416, 18.2)]
)
def test_parameters_and_operations_match_the_paper(width, parameters, gmac):
    counter = FlopCounterMode(display=False)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        network, lightness = IColoriT(width=width).eval(), torch.empty(1, 1, 224, 224)
        with counter:
            network(lightness, no_hints(lightness))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert round(counter.get_total_flops() / 2e9, 1) == gmac


def test_state_dict_has_the_published_keys_and_shapes():
    with torch.device("meta"):
        state = IColoriT(width=192).state_dict()
    blocks = {f"blocks.{i}.{name}": shape for i in range(12) for name, shape in TINY_BLOCK.items()}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == TINY | blocks


@pytest.mark.parametrize(("width", "heads"), [(4, 1), (96, 1), (192, 3), (768, 12)])
def test_one_attention_head_per_64_channels(width, heads):
    with torch.device("meta"):
        assert IColoriT(width=width, depth=1).blocks[0].attn.heads == heads


@pytest.mark.parametrize(("width", "advice"), [(0, "768"), (1, "768"), (95, "768"), (200, r"192 \(tiny\)")])
def test_invalid_width_raises_value_error(width, advice):
    with pytest.raises(ValueError, match=rf"model.width={width}: .*Try model.width={advice}"):
        IColoriT(width=width)


def test_depth_of_zero_raises_value_error():
    with pytest.raises(ValueError, match="model.depth=0: .*model.depth=12"):
        IColoriT(width=4, depth=0)


def test_relative_position_index_matches_the_released_files():
    index = IColoriT(width=4, depth=1).blocks[0].attn.relative_position_index
    assert index.dtype == torch.int64
    # from the first token and from the last one to themselves, their neighbors, and the other end
    assert index[0, [0, 1, 14, 195]].tolist() == [364, 363, 337, 0]
    assert index[195, [195, 194, 181, 0]].tolist() == [364, 365, 391, 728]


@pytest.mark.parametrize("sides", [(31, 31), (7, 17), (39, 11), (3, 3)])
def test_tables_are_resized_linearly(sides):
    table = torch.randn(27 * 27, 3)
    assert resize_table(table, (27, 27), (27, 27)) is table

    down, across = torch.meshgrid(torch.linspace(-13, 13, 27), torch.linspace(-13, 13, 27), indexing="ij")
    ramps = torch.stack([down, across, torch.ones(27, 27)], dim=-1).flatten(0, 1)
    down, across, flat = resize_table(ramps, (27, 27), sides).reshape(*sides, 3).unbind(-1)
    for ramp, side in ((down[:, 0], sides[0]), (across[0], sides[1])):
        expected = (torch.arange(side) - side // 2) * 27 / side
        inner = expected.abs() < 13 - max(1, 27 / side)  # the border of the table is clamped
        torch.testing.assert_close(ramp[inner], expected[inner], rtol=0, atol=0.1)
        assert (ramp.diff() > 0).all()
    torch.testing.assert_close(flat, torch.ones(sides))
    torch.testing.assert_close(down, down[:, :1].expand(sides))
    torch.testing.assert_close(across, across[:1].expand(sides))


@pytest.mark.parametrize(("height", "width"), [(16, 200), (200, 16), (256, 256), (100, 228)])
def test_trains_at_other_sizes_after_inference(height, width):
    torch.manual_seed(0)
    network = IColoriT(width=8, depth=2, zero_init_head=False)
    lightness, hints = random_input(height, width)
    with torch.inference_mode():
        before = network(lightness, hints)
    ab = network(lightness, hints)
    assert ab.shape == (1, 2, height, width)
    torch.testing.assert_close(ab, before, rtol=0, atol=1e-2)
    ab.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_training_on_small_images_updates_the_whole_table():
    network = IColoriT(width=8, depth=1, zero_init_head=False)
    network(*random_input(64, 64)).square().mean().backward()
    assert (network.blocks[0].attn.rpb_table.grad != 0).all()


@pytest.mark.slow
def test_compiles_as_one_graph_for_changing_sizes():
    torch.manual_seed(0)
    network = IColoriT(width=8, depth=1, zero_init_head=False).eval()
    inputs = [random_input(height, width) for height, width in ((64, 64), (40, 24))]
    with torch.no_grad():
        expected = [network(*each) for each in inputs]
        network.compile(backend="aot_eager", fullgraph=True)
        for each, ab in zip(inputs, expected, strict=True):
            torch.testing.assert_close(network(*each), ab, rtol=1e-4, atol=1e-2)


def test_autocast_does_not_round_colors():
    network = IColoriT(width=8, depth=2, zero_init_head=False)
    lightness, hints = random_input(32, 32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        ab = network(lightness, hints)
    assert ab.dtype == torch.float32
    assert (ab != ab.bfloat16()).float().mean() > 0.9
