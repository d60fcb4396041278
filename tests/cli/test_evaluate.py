"""`chromahint evaluate`: what it measures, where it writes, and what it takes from a run."""

import json
import shutil

import pytest
import torch

from chromahint.models.multibranch import MultiBranch
from chromahint.models.pretrained import PRETRAINED_DIR
from chromahint.models.pullpush import PullPush
from chromahint.models.resunet import ResUNet
from chromahint.models.spreadnet import SpreadNet
from chromahint.models.unet import UNet
from chromahint.models.zhang2017 import Zhang2017

SMALL = ["protocol.size=64", "protocol.hint_counts=[0,1,10]", "device=cpu"]


@pytest.fixture
def evaluate(command):
    def run(*words, status=0):
        made = command("evaluate", *SMALL, *words)
        assert made.status == status, made.err
        return made

    return run


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the batches that networks were given."""
    sizes = []
    for network in (PullPush, SpreadNet):
        real = network.forward

        def forward(self, lightness, hints, real=real):
            sizes.append(len(lightness))
            return real(self, lightness, hints)

        monkeypatch.setattr(network, "forward", forward)
    return sizes


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_a_folder_without_splits_is_measured_whole(evaluate, photos, tmp_path):
    made = evaluate("model=pullpush", "data=folder", f"data.root={photos}")
    found = metrics(tmp_path / "evaluation/pullpush/random_pixels")
    assert found["images"] == 8
    assert found["by_hints"]["10"]["psnr"] > found["by_hints"]["0"]["psnr"]
    assert "evaluation/pullpush/random_pixels/metrics.json" in made.out
    for count, values in found["by_hints"].items():
        assert f"{values['psnr']:.2f}" in made.out, count
        assert f"{values['ssim']:.4f}" in made.out


@pytest.fixture
def split_photos(make_photos, tmp_path):
    for split, count in {"train": 4, "val": 3, "test": 2}.items():
        make_photos(tmp_path / "photos" / split, count, seed=count)
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("split", "count"), [(None, 2), ("test", 2), ("val", 3), ("train", 4), ("all", 9)], ids=lambda value: str(value)
)
def test_splits(evaluate, split_photos, tmp_path, split, count):
    words = [] if split is None else [f"split={split}"]
    evaluate("model=gray", "data=folder", f"data.root={split_photos}", *words)
    assert metrics(tmp_path / "evaluation/gray/random_pixels")["images"] == count


def test_without_words_about_data_natural_photos_are_measured(evaluate, tmp_path):
    evaluate("model=gray", "data.max_images=2")
    assert "astronaut-0-0" in (tmp_path / "evaluation/gray/random_pixels/images.csv").read_text()


def test_the_same_again_is_not_done_again(evaluate, photos, calls, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}"]
    evaluate(*words)
    first = metrics(tmp_path / "evaluation/pullpush/random_pixels")
    assert sum(calls) == 8 * 3
    calls.clear()
    evaluate(*words, "batch_size=3")
    assert calls == []
    assert metrics(tmp_path / "evaluation/pullpush/random_pixels") == first
    assert [path.name for path in (tmp_path / "evaluation/pullpush").iterdir()] == ["random_pixels"]


def test_one_that_was_stopped_goes_on(evaluate, photos, calls, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}", "batch_size=2"]
    evaluate(*words)
    folder = tmp_path / "evaluation/pullpush/random_pixels"
    first = metrics(folder)
    (folder / "metrics.json").unlink()
    text = (folder / "images.csv").read_text()
    (folder / "images.csv").write_text(text[: text.index("photo-5") + 20])
    calls.clear()
    evaluate(*words)
    assert sum(calls) == 3 * 3, "photos 5, 6 and 7 at three counts"
    assert metrics(folder) == first


@pytest.mark.parametrize(
    "change", ["protocol.seed=1", "protocol.hint_counts=[0,2]", "data.max_images=3", "split=train"]
)
def test_another_evaluation_gets_a_folder_of_its_own(evaluate, photos, tmp_path, change):
    words = ["model=gray", "data=folder", f"data.root={photos}"]
    evaluate(*words)
    before = (tmp_path / "evaluation/gray/random_pixels/metrics.json").read_text()
    evaluate(*words, change)
    assert (tmp_path / "evaluation/gray/random_pixels-2/metrics.json").is_file()
    assert (tmp_path / "evaluation/gray/random_pixels/metrics.json").read_text() == before


def test_an_output_of_ones_own(evaluate, photos, tmp_path):
    words = ["data=folder", f"data.root={photos}", "output=here/it is"]
    evaluate("model=gray", *words)
    assert metrics(tmp_path / "here/it is")["images"] == 8
    refused = evaluate("model=pullpush", *words, status=2)
    assert "output=here/it is" in refused.err
    assert "type output=" in refused.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]


def test_photos_that_cannot_be_read_are_named(evaluate, make_photos, tmp_path):
    root = make_photos(tmp_path / "photos", 2)
    (root / "broken.png").write_text("not a picture")
    made = evaluate("model=gray", "data=folder", f"data.root={root}")
    assert "some pictures could not be read: evaluation/gray/random_pixels/broken.txt" in made.out
    assert metrics(tmp_path / "evaluation/gray/random_pixels")["images"] == 2


# --- of a run


@pytest.fixture
def run(smoke_run, tmp_path):
    return shutil.copytree(smoke_run, tmp_path / "run")


def folders(run):
    return sorted(path.name for path in (run / "evaluation").iterdir())


def test_a_run_brings_network_weights_and_photos(evaluate, run, calls):
    before = metrics(run / "evaluation/random_pixels")
    shutil.rmtree(run / "evaluation")
    evaluate(f"run={run}")
    assert folders(run) == ["random_pixels"]
    assert metrics(run / "evaluation/random_pixels") == before
    assert sum(calls) == 3 * before["images"]


def test_what_training_measured_is_not_done_again(evaluate, run, calls):
    before = (run / "evaluation/random_pixels/images.csv").read_text()
    evaluate(f"run={run}")
    assert calls == []
    assert folders(run) == ["random_pixels"]
    assert (run / "evaluation/random_pixels/images.csv").read_text() == before


def test_a_relative_path_and_a_slash_are_the_same_run(evaluate, run, calls):
    evaluate("run=run/")
    assert calls == []
    assert folders(run) == ["random_pixels"]


def test_other_photos_get_a_folder_of_their_own_in_the_run(evaluate, run, make_photos, tmp_path):
    before = (run / "evaluation/random_pixels/metrics.json").read_text()
    root = make_photos(tmp_path / "others", 3, seed=7)
    made = evaluate(f"run={run}", "data=folder", f"data.root={root}")
    assert folders(run) == ["random_pixels", "random_pixels-2"]
    assert metrics(run / "evaluation/random_pixels-2")["images"] == 3
    assert (run / "evaluation/random_pixels/metrics.json").read_text() == before
    assert "random_pixels-2/metrics.json" in made.out


def test_options_of_the_runs_own_data_may_be_changed(evaluate, run, make_photos, tmp_path):
    root = make_photos(tmp_path / "others", 3, seed=7)
    evaluate(f"run={run}", f"data.root={root}")
    assert metrics(run / "evaluation/random_pixels-2")["images"] == 3


def test_a_run_and_its_weights_alone_measure_the_same(evaluate, run, photos, tmp_path):
    evaluate(f"run={run}", "data=folder", f"data.root={photos}", "split=all")
    weights = run / "checkpoints/best.ckpt"
    evaluate(
        "model=spreadnet", "model.width=4", f"weights={weights}", "data=folder", f"data.root={photos}", "split=all"
    )  # fmt: skip
    assert metrics(tmp_path / "evaluation/spreadnet/random_pixels") == metrics(run / "evaluation/random_pixels-2")


def test_other_weights_are_another_evaluation(evaluate, run, tmp_path):
    (run / "checkpoints/best.ckpt").unlink()
    import torch

    content = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    content["state_dict"] = {name: tensor + 0.01 for name, tensor in content["state_dict"].items()}
    torch.save(content, run / "checkpoints/last.ckpt")
    evaluate(f"run={run}")
    assert folders(run) == ["random_pixels", "random_pixels-2"]


def test_photos_of_a_run_that_are_gone(evaluate, run):
    text = (run / "config.yaml").read_text()
    root = next(line for line in text.splitlines() if "root:" in line).split()[1]
    (run / "config.yaml").write_text(text.replace(root, "/no/such/folder"))
    refused = evaluate(f"run={run}", status=2)
    assert "data.root=/no/such/folder: there is no such folder; type data.root=" in refused.err


def saved(network, file, layout=lambda state: state):
    torch.save(layout(network.state_dict()), file)
    return file


def test_weights_alone_name_their_network(evaluate, photos, tmp_path):
    torch.manual_seed(0)
    file = saved(UNet(width=4, zero_init_head=False), tmp_path / "w.pth", lambda state: {"state_dict": state})
    words = [f"weights={file}", "data=folder", f"data.root={photos}"]
    made = evaluate(*words)
    assert "w.pth: U-Net: model=unet model.width=4\n" in made.out
    found = metrics(tmp_path / "evaluation/unet/random_pixels")
    evaluate(*words, "model=unet", "model.width=4", "output=named")
    assert metrics(tmp_path / "named") == found


@pytest.mark.parametrize("words", [[], ["model.mask_offset=0"], ["model.mask_offset=0.5"]])
def test_the_mask_center_is_tried_unless_it_is_typed(evaluate, photos, tmp_path, words):
    torch.manual_seed(0)
    file = saved(Zhang2017(width=4, zero_init_head=False), tmp_path / "w.pth")
    made = evaluate(f"weights={file}", "data=folder", f"data.root={photos}", *words)
    assert ("mask center" in made.out) == (not words)
    used = json.loads((tmp_path / "evaluation/zhang2017/random_pixels/evaluation.json").read_text())["model"]
    center = words[0].partition("=")[2] if words else made.out.partition("mask center ")[2].partition(":")[0]
    assert used["mask_center"] == float(center)


FORMS_OF_WEIGHTS = {
    "resunet": ["model.output=tanh", "model.zero_init_head=false"],
    "multibranch": ["model.branches=[[1,1],[4,2]]"],
    "zhang2017": ["model.mask_offset=0.25", "model.stage=classes"],
}


@pytest.fixture(scope="module", params=FORMS_OF_WEIGHTS)
def run_of_a_form(request, here, tiny, tmp_path_factory):
    """A run of a network whose options its weights do not tell. Read it only."""
    words = [f"model={request.param}", *FORMS_OF_WEIGHTS[request.param]]
    made = here(tmp_path_factory.mktemp("form"), "train", *tiny, *words)
    assert made.status == 0, made.err
    return made.run


def test_weights_in_a_run_are_those_of_its_network(evaluate, run_of_a_form, photos, tmp_path):
    words = ["data=folder", f"data.root={photos}", "split=all"]
    evaluate(f"run={run_of_a_form}", *words, "output=run")
    made = evaluate(f"weights={run_of_a_form}/checkpoints/best.ckpt", *words, "output=weights")
    assert f"best.ckpt: the network of the run {run_of_a_form.parent.name}/{run_of_a_form.name}\n" in made.out
    assert metrics(tmp_path / "weights") == metrics(tmp_path / "run")
    about = [json.loads((tmp_path / name / "evaluation.json").read_text()) for name in ("weights", "run")]
    assert about[0] == about[1]


def test_what_is_typed_comes_before_the_run_that_weights_lie_in(evaluate, run, tmp_path):
    evaluate(f"weights={run}/checkpoints/best.ckpt", "model.propagation_steps=2", "data.max_images=2", "output=typed")
    used = json.loads((tmp_path / "typed/evaluation.json").read_text())["model"]
    assert (used["steps"], used["width"]) == (2, 4)
    refused = evaluate(f"weights={run}/checkpoints/best.ckpt", "model.width=8", "data.max_images=2", status=2)
    assert "does not fit this network" in refused.err
    assert "no such option" in evaluate(f"weights={run}/checkpoints/best.ckpt", "model.widht=8", status=2).err


@pytest.mark.parametrize("output", ["linear", "tanh"])
@pytest.mark.parametrize("mask", [True, False])
def test_how_a_loose_resunet_ends_is_tried_unless_it_is_typed(evaluate, photos, tmp_path, output, mask):
    file = saved(ResUNet(width=4, mask=mask, output=output), tmp_path / "w.pth")
    words = [f"weights={file}", "data=folder", f"data.root={photos}"]
    made = evaluate(*words, "output=tried")
    assert f"output {output}: natural photos come out closer than with " in made.out
    assert json.loads((tmp_path / "tried/evaluation.json").read_text())["model"]["output"] == output
    typed = evaluate(*words, "model.output=linear", "output=typed")
    assert "natural photos" not in typed.out
    assert json.loads((tmp_path / "typed/evaluation.json").read_text())["model"]["output"] == "linear"


def test_branches_that_weights_do_not_tell_are_said_to_be_as_published(evaluate, photos, tmp_path):
    file = saved(MultiBranch(width=4, branches=[[2, 2], [1, 1]]), tmp_path / "w.pth")
    made = evaluate(f"weights={file}", "data=folder", f"data.root={photos}", "data.max_images=2")
    assert (
        "w.pth: a multi-branch network of 2021, dilated as published: model=multibranch 'model.branches=[[2,2],[1,1]]'"
        in made.out
    )


# --- weights in the box


@pytest.mark.parametrize(
    ("words", "boxed"),
    [
        ([], True),
        (["weights=pretrained"], True),
        (["model=spreadnet"], True),
        (["model=spreadnet", "weights=pretrained"], True),
        (["weights=null"], True),
        (["weights=none"], False),
        (["model=spreadnet", "weights=none", "model.width=4"], False),
        (["model=unet", "model.width=4"], False),
    ],
    ids=str,
)
def test_weights_in_the_box_are_taken_and_named(evaluate, photos, tmp_path, words, boxed):
    made = evaluate(*words, "data=folder", f"data.root={photos}", "data.max_images=2", "output=here")
    about = json.loads((PRETRAINED_DIR / "spreadnet.json").read_text())
    used = json.loads((tmp_path / "here/evaluation.json").read_text())["weights"]
    assert used == (about["blake2b"] if boxed else None)
    assert (f"spreadnet: the weights in the box, trained on {about['trained_on']}\n" in made.out) == boxed
    named = bool({"model=spreadnet", "weights=pretrained", "weights=none", "model=unet"} & set(words))
    assert ("type run=RUN, model=NAME or weights=FILE" in made.out) != named
    assert metrics(tmp_path / "here")["images"] == 2


def test_the_file_in_the_box_is_known_as_one_of_spreadnet(evaluate, photos, tmp_path):
    words = ["data=folder", f"data.root={photos}", "data.max_images=2"]
    made = evaluate(*words, f"weights={PRETRAINED_DIR / 'spreadnet.safetensors'}", "output=file")
    assert "spreadnet.safetensors: SpreadNet, taking the default of 4 steps, which weights do not tell" in made.out
    assert "model=spreadnet model.propagation_steps=4 model.width=16" in made.out
    evaluate(*words, "output=box")
    about = [json.loads((tmp_path / name / "evaluation.json").read_text()) for name in ("file", "pretrained")]
    assert about[0] == about[1]
    assert metrics(tmp_path / "file") == metrics(tmp_path / "pretrained")


def test_weights_of_another_width_go_before_the_box(evaluate, photos, tmp_path):
    file = saved(SpreadNet(width=4), tmp_path / "w.pth")
    evaluate(f"weights={file}", "data=folder", f"data.root={photos}", "data.max_images=2", "output=here")
    assert json.loads((tmp_path / "here/evaluation.json").read_text())["model"]["width"] == 4
    refused = evaluate("model=spreadnet", f"weights={file}", "data.max_images=2", status=2)
    assert "type model.width=4" in refused.err


def test_pairs_are_colored_with_the_weights_in_the_box(evaluate, make_photos, tmp_path):
    for name in ("hint", "mask"):
        make_photos(tmp_path / "pairs" / name, 1)
    made = evaluate("data=hint_mask_pairs", f"data.root={tmp_path / 'pairs'}", "output=here")
    assert "the weights in the box" in made.out
    assert (tmp_path / "here/image_000000.png").is_file()


def test_a_network_runs_at_the_side_that_is_typed(evaluate, photos, tmp_path, monkeypatch):
    seen = []
    real = PullPush.forward
    monkeypatch.setattr(PullPush, "forward", lambda *given: seen.append(given[1].shape[-2:]) or real(*given))
    evaluate("model=pullpush", "data=folder", f"data.root={photos}", "input_size=32")
    assert set(seen) == {(32, 32)}
    assert json.loads((tmp_path / "evaluation/pullpush/random_pixels/evaluation.json").read_text())["side"] == 32


def test_a_run_that_is_given_as_weights(evaluate, run):
    assert f"type run={run}" in evaluate(f"weights={run}", status=2).err


def test_what_is_left_out_or_unknown_is_a_sentence(evaluate, tmp_path):
    assert "model is one of " in evaluate("model=null", status=2).err
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "w.pth")
    assert "model=NAME" in evaluate(f"weights={tmp_path / 'w.pth'}", status=2).err
    assert "side" in evaluate("model=gray", "input_size=3", status=2).err
