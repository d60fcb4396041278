"""A run folder from a stranger runs no code of its own; the user's own runs may name any network."""

import json
import shutil

import pytest
import yaml

from chromahint.inference.trust import require_trusted
from chromahint.runs.run import Run
from chromahint.runs.signature import config_folder

HOSTILE = {
    "program": {"_target_": "setuptools._distutils.spawn.spawn", "cmd": ["touch", "harm"]},
    "copy": {"_target_": "shutil.copyfile", "src": "photo.png", "dst": "harm"},
    "function of this package": {"_target_": "chromahint.runs.files.write_text", "path": "harm", "text": ""},
    "module inside torch": {"_target_": "torch.nn.modules.os.mkdir", "path": "harm"},
    "inside a network": {
        "_target_": "chromahint.models.unet.UNet", "width": 4, "mask": {"_target_": "os.mkdir", "path": "harm"},
    },
    "interpolation": {
        "_target_": "chromahint.models.unet.UNet", "width": "${oc.create:{_target_:os.mkdir,path:harm}}",
    },
    "in the current folder": {"_target_": "bomb.Network"},
    "package in the current folder": {"_target_": "bombs.inner.Network"},
}  # fmt: skip
COMMANDS = {
    "colorize": ["colorize", "photo.png", "-o", "colored.png", "--model", "stranger"],
    "evaluate run": ["evaluate", "run=stranger"],
    "evaluate weights": ["evaluate", "weights=stranger/checkpoints/best.ckpt", "data=scenes"],
    "export": ["export", "stranger", "--format", "safetensors"],
    "reproduce": ["reproduce", "stranger"],
    "resume": ["resume", "stranger"],
    "resume all": ["resume", "."],
}
BOMB = "import pathlib\npathlib.Path('harm').mkdir()\n\n\nclass Network:\n    pass\n"
OWN_NETWORK = (
    "from chromahint.models.unet import UNet\n\n\nclass Own(UNet):\n    def __init__(self, width: int = 4):\n"
    "        super().__init__(width=width)\n"
)


@pytest.fixture
def stranger(tmp_path, smoke_run, photos):
    """A run folder whose config and evaluation can be replaced, next to a photo and modules that do harm on import."""
    shutil.copy(photos / "photo-0.png", tmp_path / "photo.png")
    (tmp_path / "bomb.py").write_text(BOMB)
    (tmp_path / "bombs").mkdir()
    (tmp_path / "bombs/__init__.py").write_text(BOMB)
    (tmp_path / "bombs/inner.py").write_text("class Network:\n    pass\n")
    return Run(shutil.copytree(smoke_run, tmp_path / "stranger"))


def replace_model(run, node):
    config = run.config | {"model": node}
    (run.path / "config.yaml").write_text(yaml.safe_dump(config))


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize("node", HOSTILE.values(), ids=HOSTILE)
def test_no_code_of_a_stranger_is_run(stranger, command, tmp_path, node, words):
    replace_model(stranger, node)
    if words[0] == "resume":
        stranger.update_metadata(state="interrupted")
    result = command(*words)
    assert result.status == 2, result.out
    assert not (tmp_path / "harm").exists()
    assert "names code that is not part of Chromahint" in result.err
    assert "add --trust" in result.err


@pytest.mark.parametrize("part", ["model", "data", "protocol"])
@pytest.mark.parametrize("node", HOSTILE.values(), ids=HOSTILE)
def test_report_runs_no_code_of_an_evaluation(stranger, command, tmp_path, part, node):
    file = stranger.path / "evaluation/random_pixels/evaluation.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {part: node}))
    command("report", "stranger")
    assert not (tmp_path / "harm").exists()


def test_unchanged_run_of_a_stranger_is_opened(stranger, command):
    stranger.update_metadata(signature=None)
    assert not stranger.is_own
    assert command(*COMMANDS["colorize"]).status == 0
    assert command(*COMMANDS["evaluate run"]).status == 0


@pytest.fixture
def own_run(command, tiny, tmp_path, photos):
    """A run of the user, with a network from a module in the current folder."""
    (tmp_path / "own_network.py").write_text(OWN_NETWORK)
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/own.yaml").write_text("_target_: own_network.Own\nwidth: 4\n")
    shutil.copy(photos / "photo-0.png", tmp_path / "photo.png")
    result = command("train", *tiny, "model=own")
    assert result.status == 0, result.err
    return Run(result.run)


def test_own_network_needs_no_permission(own_run, command, tmp_path):
    assert own_run.is_own
    for words in (
        ["evaluate", f"run={own_run.path}"],
        ["colorize", "photo.png", "-o", "c.png", "--model", own_run.path],
    ):
        assert command(*words).status == 0
    report = command("report", own_run.path)
    assert report.status == 0
    assert "no gallery" not in report.err


def test_changed_config_or_lost_key_needs_trust(own_run, command):
    words = ["colorize", "photo.png", "-o", "c.png", "--model", own_run.path]
    key = config_folder() / "signature.key"
    hidden = key.rename(key.with_suffix(".hidden"))
    try:
        refused = command(*words)
    finally:
        hidden.rename(key)
    assert refused.status == 2
    assert "own_network.Own" in refused.err

    with (own_run.path / "config.yaml").open("a") as file:
        file.write("\n# a comment\n")
    assert command(*words).status == 2
    assert command(*words, "--trust").status == 0
    assert command(*words).status == 2, "--trust is for one command"


def test_resumed_run_with_a_changed_option_stays_the_users_own(own_run, command):
    own_run.update_metadata(state="interrupted")
    assert command("resume", own_run.path, "data.num_workers=0").status == 0
    assert own_run.is_own


def test_signed_run_allows_only_what_its_config_names(own_run):
    require_trusted({"_target_": "own_network.Own"}, own_run.path, own_run)
    with pytest.raises(ValueError, match="os.mkdir"):
        require_trusted({"_target_": "os.mkdir"}, own_run.path, own_run)


def test_key_is_private(own_run):
    assert (config_folder() / "signature.key").stat().st_mode & 0o077 == 0
