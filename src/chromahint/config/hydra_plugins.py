"""Hydra plugins that resolve `experiment=NAME` to `experiments/NAME/config.yaml` and find your own `./conf`."""

from __future__ import annotations

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from chromahint.config.paths import experiment_folders, user_conf_dir

GROUP = "experiment"


class ExperimentSource(FileConfigSource):
    """Provides `experiments/NAME/config.yaml` as choice NAME of the group `experiment`."""

    @staticmethod
    def scheme() -> str:
        """Scheme of the search path entries that this source handles."""
        return "experiments"

    def is_group(self, config_path: str) -> bool:
        """The root and `experiment` are the only groups."""
        return config_path.strip("/") in ("", GROUP)

    def is_config(self, config_path: str) -> bool:
        """A choice is a folder with a config.yaml."""
        return self._file(config_path) is not None

    def load_config(self, config_path: str):  # type: ignore[no-untyped-def]  # Hydra's own type is not exported
        """Load the experiment's config.yaml."""
        file = self._file(config_path)
        assert file is not None, config_path
        return super().load_config(str(file))

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Names of the experiments, which Hydra lists when a name is not found."""
        if config_path.strip("/") != GROUP or results_filter == ObjectType.GROUP:
            return []
        return sorted(f.parent.name for f in Path(self.path).glob("*/config.yaml"))

    def _file(self, config_path: str) -> Path | None:
        group, _, name = config_path.removesuffix(".yaml").partition("/")
        file = Path(self.path) / name / "config.yaml"
        return file if group == GROUP and name and file.is_file() else None


class ChromahintSearchPath(SearchPathPlugin):
    """Adds the folders of experiments, and your own `./conf`, to Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders after the packaged `conf`."""
        for folder in experiment_folders():
            search_path.append(provider="chromahint", path=f"{ExperimentSource.scheme()}://{folder}")
        if own := user_conf_dir():
            search_path.append(provider="chromahint", path=f"file://{own}")


def register_plugins() -> None:
    """Register the plugins with Hydra; calling it again has no effect."""
    plugins = Plugins.instance()
    for plugin in (ExperimentSource, ChromahintSearchPath):
        plugins.register(plugin)
