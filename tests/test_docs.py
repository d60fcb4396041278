"""The documentation: the site builds strictly, links work, and what the pages show can be typed and run."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image

from chromahint.cli.main import build_parser, main, parse
from chromahint.config.compose import compose
from chromahint.config.validate import validate
from chromahint.launch.multirun import expand_grid
from chromahint.sweeps.sweep_config import read_sweep
from support.outside_make import outside_make
from support.visit_studio import running

ROOT = Path(__file__).resolve().parents[1]
CONF = ROOT / "conf"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CHOICES = sorted(
    (file.parent.name, file.stem)
    for file in CONF.glob("*/[!_]*.yaml")
    if file.parent.name not in ("sweep", "benchmark", "debug")
)
# what readers replace by their own, and what it is replaced by here
PLACEHOLDERS = {
    r"/(path/to|other)/photos|PHOTOS\b": "photos",
    r"/data/places365/train": "photos",
    r"/data/imagenet/train": "more",
    r"<date-time>": "2026-01-31_12-00-00",
    r"runs/\w+/2026-01-31_12-00-00(?=$|\s)": "runs/hscaunet/2026-01-31_12-00-00",
    r"=RUN\b|(?<=\s)RUN(?=$|\s)": lambda found: found[0].replace("RUN", "runs/hscaunet/2026-01-31_12-00-00"),
    r"=FILE\b": "=released.pth",
}
# typed by the reader, but not ours
OTHERS = ("pip", "uv", "aws", "wandb", "python", "sbatch", "git", "cd", "npm", ".venv/bin/", "#SBATCH")
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`((?:chromahint|make) [^`\n]+)`(?!`)")


def blocks(page, *languages):
    """Fenced blocks of a page: (info, text)."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [(info, text) for info, text in found if (info.split() or [""])[0] in languages]


def titled(page):
    """Blocks with a file name: {name: text}."""
    every = blocks(page, "python", "yaml")
    return {name[1]: text for info, text in every if (name := re.search(r'title="([^"]+)"', info))}


def shown_in_blocks(page):
    """Command lines in the blocks of a page."""
    text = "\n".join(text for _, text in blocks(page, "", "bash"))
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def shown_in_text(page):
    """Command lines in the text and the tables of a page."""
    return INLINE.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))


BLOCKS = sorted({(str(page.relative_to(ROOT)), line) for page in PAGES for line in shown_in_blocks(page)})
TEXTS = sorted({(str(page.relative_to(ROOT)), line) for page in PAGES for line in shown_in_text(page)})


def words_of(line):
    """Split a line as a shell does, with placeholders replaced and variables before the command left out."""
    for pattern, text in PLACEHOLDERS.items():
        line = re.sub(pattern, text, line)
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        del words[0]
    return words


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site; several test processes share one."""
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    shared = tmp_path_factory.getbasetemp().parent if parallel else tmp_path_factory.getbasetemp()
    folder, log = shared / "site", shared / "site.log"
    with FileLock(shared / "site.lock"):
        if not log.exists():
            command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
            quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
            complaints = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
            log.write_text("" if done.returncode == 0 else "\n".join(["the site does not build", *complaints]))
    assert not log.read_text()
    return folder


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder that has what the pages speak of: photos, a run, weights, and the files they tell readers to write."""
    folder = tmp_path_factory.mktemp("workplace")
    for name in ("photos", "more", "pack", "R/hint", "R/mask", "runs/hscaunet/2026-01-31_12-00-00/checkpoints"):
        (folder / name).mkdir(parents=True)
    for name in ("released.pth", "runs/hscaunet/2026-01-31_12-00-00/checkpoints/best.ckpt"):
        (folder / name).touch()
    Image.new("L", (80, 96), 120).save(folder / "grandmother.jpg")
    for number in range(2):
        colors = np.random.default_rng(number).integers(0, 255, (12, 10, 3), np.uint8)
        Image.fromarray(colors).resize((80, 96)).save(folder / f"photos/{number}.png")
    np.save(folder / "photos.npy", np.random.default_rng(0).integers(0, 255, (24, 96, 80, 3), np.uint8))
    for page in PAGES:
        for name, text in titled(page).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    (folder / "conf/launcher").mkdir(parents=True)
    (folder / "conf/launcher/ours.yaml").write_text(yaml_block("slurm.md", "defaults: [slurm"), encoding="utf-8")
    for name in ("NAME", "hscaunet_best"):
        (folder / "experiments" / name).mkdir(parents=True)
        config = yaml_block("recipes.md", "# @package")
        (folder / "experiments" / name / "config.yaml").write_text(config, encoding="utf-8")
    return folder


@pytest.fixture
def in_workplace(workplace, monkeypatch):
    """The workplace as the current folder; its modules are not kept."""
    monkeypatch.chdir(workplace)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield workplace
    for name in [file.stem for file in workplace.glob("*.py")]:
        sys.modules.pop(name, None)


def yaml_block(page, start):
    """The YAML block of a guide that begins with some text."""
    return next(text for _, text in blocks(ROOT / "docs/guides" / page, "yaml") if text.startswith(start))


class Anchors(HTMLParser):
    """Collects what a page links to, what it loads, and its anchors."""

    def __init__(self):
        super().__init__()
        self.links, self.loaded, self.ids = [], [], set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag in ("script", "img", "iframe", "source", "video") and attrs.get("src"):
            self.loaded.append(attrs["src"])
        if tag == "link" and attrs.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(attrs["href"])


@pytest.fixture(scope="module")
def html(site):
    """Every page of the site, read."""
    found = {}
    for file in sorted(site.rglob("*.html")):
        found[file] = Anchors()
        found[file].feed(file.read_text(encoding="utf-8"))
    return found


def test_every_link_leads_somewhere(site, html):
    wrong = []
    for file, page in html.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or file.name == "404.html":
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            missing = parts.fragment and target in html and unquote(parts.fragment) not in html[target].ids
            if not target.is_file() or (missing and parts.fragment != "__top"):
                wrong.append(f"{file.relative_to(site)}: {link}")
    assert not wrong


def test_pages_load_nothing_from_the_network(html):
    loaded = [link for page in html.values() for link in page.loaded]
    assert loaded
    assert not [link for link in loaded if urlsplit(link).netloc]


def test_links_of_the_readme_lead_to_files():
    for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        links = re.findall(r"\]\(([^)#\s]+)", file.read_text(encoding="utf-8"))
        assert not [link for link in links if "://" not in link and not (ROOT / link).exists()], file


def options_of(node, prefix):
    """Full names of the options that a command accepts below a config node."""
    for key, value in node.items():
        if key.startswith("_") or (isinstance(value, dict) and "_target_" in value and key == "source"):
            continue
        name = f"{prefix}.{key}"
        if isinstance(value, dict):
            yield from options_of(value, name)
        else:
            yield name


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_the_reference_has_every_option(group, name, site, in_workplace):
    needed = {"folder": ["data.root=photos"], "packed": ["data.root=photos"], "hint_mask_pairs": ["data.root=R"]}
    needed["stream"] = ["data.root=R"]
    needed["places_imagenet"] = ["data.places_root=photos", "data.imagenet_root=more"]
    needed["lightning"] = ["data.module={_target_: lightning.pytorch.core.datamodule.LightningDataModule}"]
    command = "multirun" if group == "launcher" else "train"
    config = compose(command, [f"{group}={name}", *needed.get(name, [])]).config[group]
    page = (site / f"reference/configuration/{group}.html").read_text(encoding="utf-8")
    assert f'id="{name}"' in page
    assert not [option for option in options_of(config, group) if f"<code>{option}</code>" not in page]


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_the_reference_has_every_top_level_option(command, site):
    page = (site / "reference/configuration/index.html").read_text(encoding="utf-8")
    keys = set(yaml.safe_load((CONF / f"{command}.yaml").read_text(encoding="utf-8"))) - {"defaults"}
    assert keys
    assert not [key for key in keys if f"<code>{key}</code>" not in page]


def test_the_reference_has_every_experiment_sweep_and_benchmark(site):
    sweeps = (site / "reference/configuration/sweep.html").read_text(encoding="utf-8")
    assert not [file.stem for file in CONF.glob("sweep/*.yaml") if f'id="{file.stem}"' not in sweeps]
    benchmarks = (site / "reference/configuration/benchmark.html").read_text(encoding="utf-8")
    assert not [file.stem for file in CONF.glob("benchmark/*.yaml") if f'id="{file.stem}"' not in benchmarks]
    assert not [
        f for f in (ROOT / "experiments").iterdir() if f.is_dir() and not (site / f"experiments/{f.name}").exists()
    ]


def every_command(parser):
    """Full name and parser of each command, however deep."""
    for action in parser._actions:
        if hasattr(action, "_choices_actions"):
            for choice in action._choices_actions:
                below = action.choices[choice.dest]
                yield below
                yield from every_command(below)


def test_the_reference_has_every_command(site):
    page = (site / "reference/command-line.html").read_text(encoding="utf-8")
    found = list(every_command(build_parser()))
    assert len(found) > 10
    for parser in found:
        assert f'id="{parser.prog.replace(" ", "-")}"' in page
        described = [action for action in parser._actions if action.help != argparse.SUPPRESS]  # the others are refused
        flags = [flag for action in described for flag in action.option_strings if flag not in ("-h", "--help")]
        assert not [flag for flag in flags if flag not in page], parser.prog


def check_overrides(command, words):
    """Compose and check what is typed for a command that takes overrides."""
    validate(compose(command, words).config, command)


def check(words):
    """Hold the arguments of `chromahint` against its parser, and overrides against the config check."""
    parse(words)
    command, overrides = words[0], [word for word in words if re.match(r"[~+]?[a-z][\w.@]*=|~", word)]
    if command == "train" and ("-m" in words or "--multirun" in words):
        launcher = [word for word in overrides if word.startswith("launcher")]
        if launcher:
            check_overrides("multirun", launcher)
        for each in expand_grid([word for word in overrides if word not in launcher]):
            check_overrides("train", each)
    elif command in ("train", "tune", "experiment"):
        check_overrides("train", overrides)
    elif command == "evaluate":
        check_overrides("evaluate", overrides)
    elif command == "sweep" and words[1] not in ("status", "plot", "wandb", "trial"):
        read_sweep(words[1], overrides)


def from_make(line):
    """The arguments that a task of the Makefile hands to `chromahint`, or None for a task that does something else."""
    words = words_of(line)
    dry_run = ["make", "--no-print-directory", "-n", "-C", str(ROOT), *words[1:]]
    done = subprocess.run(dry_run, capture_output=True, text=True, env=outside_make())
    assert done.returncode == 0, done.stderr
    for printed in done.stdout.replace("\\\n", " ").splitlines():
        if printed.startswith(".venv/bin/chromahint "):
            return shlex.split(printed)[1:]
    return None


@pytest.mark.parametrize(("page", "line"), BLOCKS)
def test_commands_can_be_typed(page, line, in_workplace):
    words = words_of(line)
    if not words or words[0].startswith(OTHERS):
        return
    assert words[0] in ("make", "chromahint"), f"{page}: {line}"
    arguments = from_make(line) if words[0] == "make" else words[1:]
    if arguments is not None:
        check(arguments)


@pytest.mark.parametrize(("page", "line"), TEXTS)
def test_commands_in_the_text_can_be_typed(page, line, in_workplace):
    words = words_of(line)
    parsers = {parser.prog: parser for parser in every_command(build_parser())}
    name = next((prog for prog in (" ".join(words[:3]), " ".join(words[:2])) if prog in parsers), None)
    flags = words[len(name.split()) :] if name else []
    if name and all(word.startswith("--") for word in flags):  # a command is spoken of
        assert set(flags) - {"--help"} <= set(parsers[name]._option_string_actions)
    elif words[0] == "make":
        arguments = from_make(line)
        assert arguments is None or check(arguments) is None
    elif words[1:] != ["--help"]:
        check(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_data_formats_parse(page, in_workplace):
    for _, text in blocks(page, "json"):
        json.loads(text)
    for _, text in blocks(page, "yaml"):
        content = yaml.safe_load(text)
        if "space" in content:
            (in_workplace / "own.yaml").write_text(text, encoding="utf-8")
            assert read_sweep("own.yaml", []).space


# --- Python ---------------------------------------------------------------------------------------------------------

SNIPPETS = [
    (page, number, text)
    for page in PAGES
    for number, (info, text) in enumerate(blocks(page, "python"))
    if "title=" not in info
]


@pytest.mark.parametrize(
    ("page", "text"), [(p, t) for p, _, t in SNIPPETS], ids=[f"{p.stem}-{n}" for p, n, _ in SNIPPETS]
)
def test_snippets_run(page, text, in_workplace):
    if '"my-network"' in text and not (in_workplace / "my-network").exists():
        assert main(["export", "--format", "safetensors", "-o", "my-network"]) == 0
    studio = "http://127.0.0.1:8765"
    with running("studio", "--no-browser") if studio in text else contextlib.nullcontext() as address:
        exec(compile(text.replace(studio, str(address).rstrip("/")), str(page), "exec"), {"__name__": "snippet"})


def test_parts_of_your_own_train_together(in_workplace, command):
    words = shlex.split(next(t for _, t in blocks(ROOT / "docs/guides/extending.md", "")).strip())
    assert words[:2] == ["chromahint", "train"]
    done = command("train", *words[2:], "debug=smoke", "logger=none", "data.held_out=4", folder=in_workplace)
    assert done.status == 0, done.err
