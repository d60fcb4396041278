"""`chromahint evaluate`: what it measures, where it writes, and what it takes from a run or a weights file."""

import json
import shutil
import subprocess

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
        result = command("evaluate", *SMALL, *words)
        assert result.status == status, result.err
        return result

    return run


@pytest.fixture
def calls(monkeypatch):
    """Sizes of the batches that networks receive."""
    sizes = []
    for network, method in ((PullPush, "forward"), (SpreadNet, "propagate")):
        real = getattr(network, method)

        def record(self, image, hints, real=real):
            sizes.append(len(hints.mask))
            return real(self, image, hints)

        monkeypatch.setattr(network, method, record)
    return sizes


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_json_is_all_that_is_printed(command, photos, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}", "protocol.size=32", "protocol.hint_counts=[0,5]"]
    done = command("evaluate", *words, "output=out", "--json")
    assert done.status == 0, done.err
    assert json.loads(done.out) == metrics(tmp_path / "out")
    assert "metrics.json" in done.err


def test_folder_without_splits_is_measured_completely(evaluate, photos, tmp_path):
    result = evaluate("model=pullpush", "data=folder", f"data.root={photos}")
    found = metrics(tmp_path / "evaluation/pullpush/random_pixels")
    assert found["images"] == 8
    assert found["by_hints"]["10"]["psnr"] > found["by_hints"]["0"]["psnr"]
    assert "evaluation/pullpush/random_pixels/metrics.json" in result.out
    for count, values in found["by_hints"].items():
        assert f"{values['psnr']:.2f}" in result.out, count
        assert f"{values['ssim']:.4f}" in result.out


@pytest.fixture
def split_photos(make_photos, tmp_path):
    for split, count in {"train": 4, "val": 3, "test": 2}.items():
        make_photos(tmp_path / "photos" / split, count, seed=count)
    return tmp_path / "photos"


@pytest.mark.parametrize(
    ("split", "count"), [(None, 2), ("test", 2), ("val", 3), ("train", 4), ("all", 9)], ids=lambda value: str(value)
)
def test_split(evaluate, split_photos, tmp_path, split, count):
    words = [] if split is None else [f"split={split}"]
    evaluate("model=gray", "data=folder", f"data.root={split_photos}", *words)
    assert metrics(tmp_path / "evaluation/gray/random_pixels")["images"] == count


def test_natural_photos_are_measured_by_default(evaluate, tmp_path):
    evaluate("model=gray", "data.max_images=2")
    assert "astronaut-0-0" in (tmp_path / "evaluation/gray/random_pixels/images.csv").read_text()


def test_finished_evaluation_is_not_repeated(evaluate, photos, calls, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}"]
    evaluate(*words)
    first = metrics(tmp_path / "evaluation/pullpush/random_pixels")
    assert sum(calls) == 8 * 3
    calls.clear()
    evaluate(*words, "batch_size=3")
    assert calls == []
    assert metrics(tmp_path / "evaluation/pullpush/random_pixels") == first
    assert [path.name for path in (tmp_path / "evaluation/pullpush").iterdir()] == ["random_pixels"]


@pytest.mark.slow
def test_files_are_the_same_for_any_number_of_workers_and_in_another_process(process, photos, tmp_path):
    contents = []
    for number, workers in enumerate((0, 1, 4)):
        words = ["model=spreadnet", "weights=pretrained", "data=folder", f"data.root={photos}", "output=out"]
        counts = ["protocol.size=64", "protocol.hint_counts=[0,1,10]", f"data.num_workers={workers}", "batch_size=2"]
        folder = tmp_path / str(number)
        folder.mkdir()
        assert process(folder, "evaluate", *words, *counts).status == 0
        files = sorted((folder / "out").iterdir())
        contents.append({file.name: file.read_bytes() for file in files if file.name != "timings.csv"})
    assert contents[0].keys() == {".lock", "evaluation.json", "images.csv", "metrics.json"}
    assert contents[1] == contents[0]
    assert contents[2] == contents[0]


def test_interrupted_evaluation_is_continued(evaluate, photos, calls, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}", "batch_size=2"]
    evaluate(*words)
    folder = tmp_path / "evaluation/pullpush/random_pixels"
    first = metrics(folder)
    (folder / "metrics.json").unlink()
    text = (folder / "images.csv").read_text()
    (folder / "images.csv").write_text(text[: text.index("photo-5") + 20])
    calls.clear()
    evaluate(*words)
    assert sum(calls) == 3 * 3, "images 5, 6 and 7 at three numbers of hints"
    assert metrics(folder) == first


@pytest.mark.parametrize(
    "change", ["protocol.seed=1", "protocol.hint_counts=[0,2]", "data.max_images=3", "split=train"]
)
def test_different_evaluation_gets_its_own_folder(evaluate, photos, tmp_path, change):
    words = ["model=gray", "data=folder", f"data.root={photos}"]
    evaluate(*words)
    before = (tmp_path / "evaluation/gray/random_pixels/metrics.json").read_text()
    evaluate(*words, change)
    assert (tmp_path / "evaluation/gray/random_pixels-2/metrics.json").is_file()
    assert (tmp_path / "evaluation/gray/random_pixels/metrics.json").read_text() == before


def test_output_folder(evaluate, photos, tmp_path):
    words = ["data=folder", f"data.root={photos}", "output=here/it is"]
    evaluate("model=gray", *words)
    assert metrics(tmp_path / "here/it is")["images"] == 8
    result = evaluate("model=pullpush", *words, status=2)
    assert "output=here/it is: the folder holds another evaluation" in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]


@pytest.fixture
def stopped_evaluation(tmp_path, python):
    """`stopped_evaluation("output=out", ...)` starts an evaluation that has written one batch and waits in the next."""
    started = []

    def start(*words):
        pipe = subprocess.PIPE
        arguments = [python, "-m", "support.stopped_evaluation", "evaluate", *SMALL, *words]
        started.append(subprocess.Popen(arguments, cwd=tmp_path, stdin=pipe, stdout=pipe, text=True))
        assert "stopped\n" in iter(started[0].stdout.readline, "")
        return started[0]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_second_evaluation_into_the_same_folder_is_refused(evaluate, stopped_evaluation, photos, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}", "batch_size=2", "output=out"]
    first = stopped_evaluation(*words)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "out").iterdir()}
    assert before["images.csv"][0].count(b"\n") == 1 + 2 * 3
    assert evaluate(*words, status=2).err.strip() == (
        "Error: output=out: another process is evaluating into this folder. Wait for it to finish, or use "
        "output=ANOTHER/FOLDER."
    )
    after = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "out").iterdir()}
    assert after == before
    first.communicate("")
    assert first.returncode == 0
    assert metrics(tmp_path / "out")["images"] == 8


@pytest.mark.slow
def test_evaluation_of_a_killed_process_is_continued(evaluate, stopped_evaluation, photos, calls, tmp_path):
    words = ["model=pullpush", "data=folder", f"data.root={photos}", "batch_size=2", "output=out"]
    first = stopped_evaluation(*words)
    evaluate(*words, status=2)
    first.kill()
    first.stdout.read()  # open until all of it is gone
    evaluate(*words)
    assert sum(calls) == 6 * 3, "all images but those of the first batch"
    assert metrics(tmp_path / "out")["images"] == 8
    assert len((tmp_path / "out/images.csv").read_text().splitlines()) == 1 + 8 * 3


@pytest.mark.slow
def test_pairs_are_not_colored_into_the_folder_of_another_process(evaluate, stopped_evaluation, make_photos, tmp_path):
    for name in ("hint", "mask"):
        make_photos(tmp_path / "pairs" / name, 4)
    words = ["model=pullpush", "data=hint_mask_pairs", f"data.root={tmp_path / 'pairs'}", "batch_size=1", "output=out"]
    stopped_evaluation(*words)
    assert "output=out: another process is evaluating into this folder." in evaluate(*words, status=2).err
    assert len(list((tmp_path / "out").glob("*.png"))) == 3


def test_output_below_a_file(evaluate, photos, tmp_path):
    (tmp_path / "file").write_text("")
    result = evaluate("model=gray", "data=folder", f"data.root={photos}", "output=file/below", status=2)
    assert "output=file/below: can't be written (Not a directory). Use output=" in result.err


def test_unreadable_images_are_listed(evaluate, make_photos, tmp_path):
    root = make_photos(tmp_path / "photos", 2)
    (root / "broken.png").write_text("not an image")
    result = evaluate("model=gray", "data=folder", f"data.root={root}")
    assert "some images could not be read: evaluation/gray/random_pixels/broken.txt" in result.out
    assert metrics(tmp_path / "evaluation/gray/random_pixels")["images"] == 2


@pytest.fixture
def run(smoke_run, tmp_path):
    return shutil.copytree(smoke_run, tmp_path / "run")


def folders(run):
    return sorted(path.name for path in (run / "evaluation").iterdir())


def test_run_provides_network_weights_and_data(evaluate, run, calls):
    before = metrics(run / "evaluation/random_pixels")
    shutil.rmtree(run / "evaluation")
    evaluate(f"run={run}")
    assert folders(run) == ["random_pixels"]
    assert metrics(run / "evaluation/random_pixels") == before
    assert sum(calls) == 3 * before["images"]


def test_evaluation_of_the_training_run_is_not_repeated(evaluate, run, calls):
    before = (run / "evaluation/random_pixels/images.csv").read_text()
    evaluate(f"run={run}")
    assert calls == []
    assert folders(run) == ["random_pixels"]
    assert (run / "evaluation/random_pixels/images.csv").read_text() == before


def test_relative_path_with_a_slash_is_the_same_run(evaluate, run, calls):
    evaluate("run=run/")
    assert calls == []
    assert folders(run) == ["random_pixels"]


def test_other_photos_get_their_own_folder_in_the_run(evaluate, run, make_photos, tmp_path):
    before = (run / "evaluation/random_pixels/metrics.json").read_text()
    root = make_photos(tmp_path / "others", 3, seed=7)
    result = evaluate(f"run={run}", "data=folder", f"data.root={root}")
    assert folders(run) == ["random_pixels", "random_pixels-2"]
    assert metrics(run / "evaluation/random_pixels-2")["images"] == 3
    assert (run / "evaluation/random_pixels/metrics.json").read_text() == before
    assert "random_pixels-2/metrics.json" in result.out


def test_data_options_of_a_run_can_be_overridden(evaluate, run, make_photos, tmp_path):
    root = make_photos(tmp_path / "others", 3, seed=7)
    evaluate(f"run={run}", f"data.root={root}")
    assert metrics(run / "evaluation/random_pixels-2")["images"] == 3


def test_run_and_its_weights_have_the_same_results(evaluate, run, photos, tmp_path):
    evaluate(f"run={run}", "data=folder", f"data.root={photos}", "split=all")
    weights = run / "checkpoints/best.ckpt"
    evaluate(
        "model=spreadnet", "model.width=4", f"weights={weights}", "data=folder", f"data.root={photos}", "split=all"
    )  # fmt: skip
    assert metrics(tmp_path / "evaluation/spreadnet/random_pixels") == metrics(run / "evaluation/random_pixels-2")


def test_changed_weights_are_a_different_evaluation(evaluate, run, tmp_path):
    (run / "checkpoints/best.ckpt").unlink()
    content = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    content["state_dict"] = {name: tensor + 0.01 for name, tensor in content["state_dict"].items()}
    torch.save(content, run / "checkpoints/last.ckpt")
    evaluate(f"run={run}")
    assert folders(run) == ["random_pixels", "random_pixels-2"]


def test_missing_photos_of_a_run(evaluate, run):
    text = (run / "config.yaml").read_text()
    root = next(line for line in text.splitlines() if "root:" in line).split()[1]
    (run / "config.yaml").write_text(text.replace(root, "/no/such/folder"))
    result = evaluate(f"run={run}", status=2)
    assert "data.root=/no/such/folder: folder not found. Pass data.root=PATH" in result.err


def saved(network, file, layout=lambda state: state):
    torch.save(layout(network.state_dict()), file)
    return file


def test_network_of_a_weights_file_is_recognized(evaluate, photos, tmp_path):
    torch.manual_seed(0)
    file = saved(UNet(width=4, zero_init_head=False), tmp_path / "w.pth", lambda state: {"state_dict": state})
    words = [f"weights={file}", "data=folder", f"data.root={photos}"]
    result = evaluate(*words)
    assert "w.pth: U-Net: model=unet model.width=4\n" in result.out
    found = metrics(tmp_path / "evaluation/unet/random_pixels")
    evaluate(*words, "model=unet", "model.width=4", "output=explicit")
    assert metrics(tmp_path / "explicit") == found


@pytest.mark.parametrize("words", [[], ["model.mask_offset=0"], ["model.mask_offset=0.5"]])
def test_mask_offset_is_inferred_unless_given(evaluate, photos, tmp_path, words):
    torch.manual_seed(0)
    file = saved(Zhang2017(width=4, zero_init_head=False), tmp_path / "w.pth")
    result = evaluate(f"weights={file}", "data=folder", f"data.root={photos}", *words)
    assert ("mask offset" in result.out) == (not words)
    used = json.loads((tmp_path / "evaluation/zhang2017/random_pixels/evaluation.json").read_text())["model"]
    offset = words[0].partition("=")[2] if words else result.out.partition("mask offset ")[2].partition(":")[0]
    assert used["mask_offset"] == float(offset)


AMBIGUOUS_MODELS = {
    "resunet": ["model.output=tanh", "model.zero_init_head=false"],
    "multibranch": ["model.branches=[[1,1],[4,2]]"],
    "zhang2017": ["model.mask_offset=0.25", "model.stage=classes"],
}


@pytest.fixture(scope="module", params=AMBIGUOUS_MODELS)
def ambiguous_run(request, here, tiny, tmp_path_factory):
    """A run of a network whose options can't be inferred from its weights. Don't change it."""
    words = [f"model={request.param}", *AMBIGUOUS_MODELS[request.param]]
    result = here(tmp_path_factory.mktemp("ambiguous"), "train", *tiny, *words)
    assert result.status == 0, result.err
    return result.run


@pytest.mark.slow
def test_weights_file_in_a_run_belongs_to_its_network(evaluate, ambiguous_run, photos, tmp_path):
    words = ["data=folder", f"data.root={photos}", "split=all"]
    evaluate(f"run={ambiguous_run}", *words, "output=run")
    result = evaluate(f"weights={ambiguous_run}/checkpoints/best.ckpt", *words, "output=weights")
    assert f"best.ckpt: network of the run {ambiguous_run.parent.name}/{ambiguous_run.name}\n" in result.out
    assert metrics(tmp_path / "weights") == metrics(tmp_path / "run")
    records = [json.loads((tmp_path / name / "evaluation.json").read_text()) for name in ("weights", "run")]
    assert records[0] == records[1]


def test_overrides_take_precedence_over_the_run_of_a_weights_file(evaluate, run, tmp_path):
    evaluate(f"weights={run}/checkpoints/best.ckpt", "model.propagation_steps=2", "data.max_images=2", "output=given")
    used = json.loads((tmp_path / "given/evaluation.json").read_text())["model"]
    assert (used["propagation_steps"], used["width"]) == (2, 4)
    result = evaluate(f"weights={run}/checkpoints/best.ckpt", "model.width=8", "data.max_images=2", status=2)
    assert "does not match the network" in result.err
    assert "unknown option" in evaluate(f"weights={run}/checkpoints/best.ckpt", "model.widht=8", status=2).err


@pytest.mark.slow
@pytest.mark.parametrize("output", ["linear", "tanh"])
@pytest.mark.parametrize("mask", [True, False])
def test_output_of_a_resunet_is_inferred_unless_given(evaluate, photos, tmp_path, output, mask):
    file = saved(ResUNet(width=4, mask=mask, output=output), tmp_path / "w.pth")
    words = [f"weights={file}", "data=folder", f"data.root={photos}"]
    result = evaluate(*words, "output=inferred")
    assert f"output {output}: natural photos have a smaller error" in result.out
    assert json.loads((tmp_path / "inferred/evaluation.json").read_text())["model"]["output"] == output
    given = evaluate(*words, "model.output=linear", "output=given")
    assert "natural photos" not in given.out
    assert json.loads((tmp_path / "given/evaluation.json").read_text())["model"]["output"] == "linear"


def test_published_dilations_are_assumed_and_reported(evaluate, photos, tmp_path):
    file = saved(MultiBranch(width=4, branches=[[2, 2], [1, 1]]), tmp_path / "w.pth")
    result = evaluate(f"weights={file}", "data=folder", f"data.root={photos}", "data.max_images=2")
    assert (
        "w.pth: a multi-branch network of 2021, with the published dilations, which the weights do not determine: "
        "model=multibranch 'model.branches=[[2,2],[1,1]]'" in result.out
    )


@pytest.mark.parametrize(
    ("words", "pretrained"),
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
def test_pretrained_weights_are_used_and_reported(evaluate, photos, tmp_path, words, pretrained):
    result = evaluate(*words, "data=folder", f"data.root={photos}", "data.max_images=2", "output=here")
    description = json.loads((PRETRAINED_DIR / "spreadnet.json").read_text())
    used = json.loads((tmp_path / "here/evaluation.json").read_text())["weights"]
    assert used == (description["blake2b"] if pretrained else None)
    assert (f"spreadnet: pretrained on {description['trained_on']}\n" in result.out) == pretrained
    named = bool({"model=spreadnet", "weights=pretrained", "weights=none", "model=unet"} & set(words))
    assert ("use run=RUN, model=NAME or weights=FILE" in result.out) != named
    assert metrics(tmp_path / "here")["images"] == 2


def test_pretrained_weights_file_is_recognized(evaluate, photos, tmp_path):
    words = ["data=folder", f"data.root={photos}", "data.max_images=2"]
    result = evaluate(*words, f"weights={PRETRAINED_DIR / 'spreadnet.safetensors'}", "output=file")
    assert (
        "spreadnet.safetensors: SpreadNet, with the default of 4 propagation steps, which the weights do not determine"
        in result.out
    )
    assert "model=spreadnet model.propagation_steps=4" in result.out
    assert "model.width=16" in result.out
    evaluate(*words, "output=pretrained")
    records = [json.loads((tmp_path / name / "evaluation.json").read_text()) for name in ("file", "pretrained")]
    assert records[0] == records[1]
    assert metrics(tmp_path / "file") == metrics(tmp_path / "pretrained")


def test_weights_of_another_width(evaluate, photos, tmp_path):
    file = saved(SpreadNet(width=4), tmp_path / "w.pth")
    evaluate(f"weights={file}", "data=folder", f"data.root={photos}", "data.max_images=2", "output=here")
    assert json.loads((tmp_path / "here/evaluation.json").read_text())["model"]["width"] == 4
    result = evaluate("model=spreadnet", f"weights={file}", "data.max_images=2", status=2)
    assert "Try model.width=4" in result.err


def test_hint_mask_pairs_are_colored_with_the_pretrained_weights(evaluate, make_photos, tmp_path):
    for name in ("hint", "mask"):
        make_photos(tmp_path / "pairs" / name, 1)
    result = evaluate("data=hint_mask_pairs", f"data.root={tmp_path / 'pairs'}", "output=here")
    assert "spreadnet: pretrained on " in result.out
    assert (tmp_path / "here/image_000000.png").is_file()


def test_input_size(evaluate, photos, tmp_path, monkeypatch):
    seen = []
    real = PullPush.forward
    monkeypatch.setattr(PullPush, "forward", lambda *inputs: seen.append(inputs[1].shape[-2:]) or real(*inputs))
    evaluate("model=pullpush", "data=folder", f"data.root={photos}", "input_size=32")
    assert set(seen) == {(32, 32)}
    assert json.loads((tmp_path / "evaluation/pullpush/random_pixels/evaluation.json").read_text())["input_size"] == 32


def test_run_given_as_weights(evaluate, run):
    assert f"Use run={run}." in evaluate(f"weights={run}", status=2).err


def test_mistakes_are_reported(evaluate, tmp_path):
    assert "model=null: unknown model; choose one of " in evaluate("model=null", status=2).err
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "w.pth")
    assert "model=NAME" in evaluate(f"weights={tmp_path / 'w.pth'}", status=2).err
    assert "input_size=3: must be" in evaluate("model=gray", "input_size=3", status=2).err
