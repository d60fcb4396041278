"""`chromahint studio`: color photos by clicking, in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from chromahint.cli.arguments import DEVICE_HELP, MODEL_HELP, OTHER_MODELS_HELP, Subparsers, add_trust, integer

DESCRIPTION = """\
Color photos by clicking, on a page in your browser that this machine serves.
Nothing leaves the machine, and no other machine can open the page without --share.
"""
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  # only with --share


def add_parser(subparsers: Subparsers) -> None:
    """Add the parser of the command."""
    parser = subparsers.add_parser(
        "studio", help="color photos by clicking, in the browser", description=DESCRIPTION
    )  # fmt: skip
    parser.add_argument(
        "path", metavar="FOLDER|PHOTO", nargs="?",
        help="folder of photos, in which the work on them is kept, or a photo to open; by default, ~/Chromahint",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="MODEL", action="append", default=[],
        help=f"{MODEL_HELP}{OTHER_MODELS_HELP}; may be repeated; the page starts with the first and lists them all",
    )  # fmt: skip
    parser.add_argument(
        "--runs-dir", metavar="FOLDER", help="the page also lists the trained runs below FOLDER; by default, runs"
    )
    parser.add_argument(
        "--port", type=integer(0, 65535), default=0, metavar="N", help="port of the page; 0 tries 8765, then any"
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    parser.add_argument("--device", default="auto", help=DEVICE_HELP)
    parser.add_argument(
        "--install-shortcut", action="store_true",
        help="put the studio among the programs of this computer, and end; no other option counts",
    )  # fmt: skip
    sharing = parser.add_mutually_exclusive_group()
    sharing.add_argument(
        "--share", action="store_true", help="let other machines open the page, with the printed address"
    )
    sharing.add_argument("--host", metavar="ADDRESS", help="the same, on one address of this machine")
    add_trust(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until stopped; returns the exit status."""
    if arguments.install_shortcut:
        from chromahint.console import TextConsole
        from chromahint.studio.shortcut import install_shortcut

        TextConsole().print(f"shortcut: {install_shortcut()}")
        return 0
    from chromahint.studio.model_list import BASELINE_MODELS, PRETRAINED, ModelList

    for model in arguments.model:
        if model not in (PRETRAINED, *BASELINE_MODELS) and not Path(model).expanduser().exists():
            raise ValueError(f"--model {model}: not found. Pass {MODEL_HELP}{OTHER_MODELS_HELP}.")
    path = None if arguments.path is None else Path(arguments.path).expanduser()
    if path is not None and not path.exists():
        raise ValueError(
            f"{arguments.path}: photo or folder not found. Make the folder, or leave it out to use ~/Chromahint."
        )
    photo, folder = (None, path) if path is None or path.is_dir() else (path, None)
    host = arguments.host or (ANY_ADDRESS if arguments.share else "127.0.0.1")
    runs_dir = Path("runs" if arguments.runs_dir is None else arguments.runs_dir).expanduser()
    if arguments.runs_dir is not None and not runs_dir.is_dir():
        raise ValueError(f"--runs-dir {arguments.runs_dir}: folder not found. Pass a folder that contains runs.")
    model_list = ModelList(arguments.model, runs_dir)
    try:
        from chromahint.studio.server import serve
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("starlette", "uvicorn"):
            raise
        raise ValueError(
            f"{package}: package not found, which the studio needs. Run pip install 'chromahint[studio]'."
        ) from None
    return serve(host, arguments.port, model_list, arguments.device, photo, folder, arguments.browser)
