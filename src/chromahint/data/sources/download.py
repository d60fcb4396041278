"""Download the files of a set of shards from S3, other clouds that litdata knows, or HTTP."""

from __future__ import annotations

from pathlib import Path

from chromahint.atomic_write import WriteError, atomic_write

CLOUDS = ("s3://", "gs://", "r2://", "azure://")
"""Clouds that litdata downloads from; their own packages find the credentials."""
HTTP = ("http://", "https://")
_ATTEMPTS = 5
_TIMEOUT_SECONDS = 60


class DownloadError(ValueError):
    """A file can't be downloaded."""


def is_url(root: str) -> bool:
    """Return whether shards are at a URL rather than in a folder.

    Raises:
        ValueError: The URL is of an unknown kind.
    """
    if "://" in root and not root.startswith(CLOUDS + HTTP):
        raise ValueError(f"data.root={root}: must be a folder or a URL that begins with {', '.join(CLOUDS + HTTP)}.")
    return root.startswith(CLOUDS + HTTP)


def download(url: str, name: str, folder: Path) -> None:
    """Download the file `name` below `url` into a folder; it appears there when it is complete.

    Raises:
        DownloadError: It can't be downloaded.
        WriteError: The folder can't be written.
    """
    if url.startswith(HTTP):
        _download_http(f"{url}/{name}", folder / name)
        return
    from litdata.streaming.downloader import get_downloader

    try:
        get_downloader(url, str(folder), []).download_file(f"{url}/{name}", str(folder / name))
    except Exception as error:  # of the cloud's package
        raise DownloadError(f"{url}/{name}: {type(error).__name__}: {error}") from error
    if not (folder / name).exists():
        raise DownloadError(f"{url}/{name}: was not downloaded")


def _download_http(url: str, path: Path) -> None:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(_ATTEMPTS - 1, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    with requests.Session() as session:
        for prefix in HTTP:
            session.mount(prefix, HTTPAdapter(max_retries=retry))
        try:
            with session.get(url, stream=True, timeout=_TIMEOUT_SECONDS) as response, atomic_write(path) as file:
                response.raise_for_status()
                for part in response.iter_content(2**20):
                    file.write(part)
        except WriteError:
            raise
        except requests.RequestException as error:
            raise DownloadError(f"{url}: {error}") from error
