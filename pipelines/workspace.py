"""The folders of a run: staging that nobody sees, and the one step that publishes.

::

    ROOT/.staging/<run id>/spill/     cleared records between the two passes
    ROOT/.staging/<run id>/private/   subject tokens of the staged parts
    ROOT/.staging/<run id>/data/      the staged set; becomes ROOT/<name>/v0001/

On a local disk publication is one `rename` of a folder. Object stores have no such step:
there the parts are moved first and `release.json` last, and a folder without
`release.json` is no release.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..policies.errors import OutputError
from ..policies.places import is_local

__all__ = ["MANIFEST", "Workspace", "join"]

MANIFEST = "release.json"
_VERSION = re.compile(r"v(\d{4,})")


def join(*parts: str) -> str:
    """Join path parts with `/`, which local and Beam file systems both take."""
    first, *rest = parts
    return "/".join([first.rstrip("/"), *(part.strip("/") for part in rest)])


class Workspace:
    """Staging and publication below one output root.

    Use as a context manager: whatever happens inside, staging is gone afterwards. Only
    `publish` makes anything visible.
    """

    def __init__(self, root: str, name: str, run_id: str) -> None:
        self.root = root
        self.name = name
        self.staging = join(root, ".staging", run_id)
        self.spill = join(self.staging, "spill")
        self.private = join(self.staging, "private")
        self.data = join(self.staging, "data")
        self._lock: int | None = None
        self._created_root = False

    def __enter__(self) -> Workspace:
        """Create staging; clear away what killed runs left behind.

        Raises:
            OutputError: the output cannot be written.
        """
        try:
            if is_local(self.root):
                self._enter_local()
            else:
                self._probe_remote()
        except OSError as error:
            self._remove()
            message = (
                f"output.path {self.root}: cannot be written "
                f"({error.strerror or type(error).__name__}); give a folder that this "
                "user may create files in"
            )
            raise OutputError(message) from None
        return self

    def __exit__(self, *_: object) -> None:
        """Remove staging, whether the run published or not."""
        self._remove()

    def _enter_local(self) -> None:
        root = Path(self.root)
        if root.exists() and not root.is_dir():
            raise NotADirectoryError(20, "is a file, not a folder")
        self._created_root = not root.exists()
        area = root / ".staging"
        area.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(area)
        for folder in (self.spill, self.private, self.data):
            Path(folder).mkdir(parents=True, mode=0o700)
        lock = os.open(Path(self.staging) / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._lock = lock

    def _probe_remote(self) -> None:
        from apache_beam.io.filesystems import FileSystems

        for folder in (self.spill, self.private, self.data):
            with contextlib.suppress(OSError):  # object stores have no folders
                FileSystems.mkdirs(folder)
        with FileSystems.create(join(self.staging, ".probe")) as probe:
            probe.write(b"optin")

    def _remove(self) -> None:
        if not is_local(self.root):
            from apache_beam.io.filesystems import FileSystems

            if FileSystems.exists(self.staging):
                FileSystems.delete([self.staging])
            return
        shutil.rmtree(self.staging, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        with contextlib.suppress(OSError):  # others may be at work there
            (Path(self.root) / ".staging").rmdir()
            if self._created_root:
                Path(self.root).rmdir()

    def publish(self, manifest: Mapping[str, Any]) -> str:
        """Make the staged set visible with its manifest; give the release's path.

        Raises:
            OutputError: the release could not be put in place; nothing is visible.
        """
        text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        return (
            self._publish_local(text)
            if is_local(self.root)
            else self._publish_remote(text)
        )

    def _publish_local(self, manifest: str) -> str:
        data = Path(self.data)
        (data / MANIFEST).write_text(manifest, encoding="utf-8")
        for path in data.iterdir():
            _sync(path)
        data.chmod(0o755)
        _sync(data)
        home = Path(self.root) / self.name
        home.mkdir(exist_ok=True)
        for number in _numbers(entry.name for entry in home.iterdir()):
            target = home / f"v{number:04d}"
            try:
                # Fails if another run has just taken the number: never overwrites.
                data.rename(target)
            except OSError:
                if target.exists():
                    continue
                message = (
                    f"{target}: the release could not be moved into place; is "
                    "output.path one file system?"
                )
                raise OutputError(message) from None
            _sync(home)
            return str(target)
        raise AssertionError  # _numbers never ends

    def _publish_remote(self, manifest: str) -> str:
        from apache_beam.io.filesystems import FileSystems

        home = join(self.root, self.name)
        seen = FileSystems.match([join(home, "*", MANIFEST)])[0].metadata_list
        taken = [entry.path.split("/")[-2] for entry in seen]
        target = join(home, f"v{next(_numbers(iter(taken))):04d}")
        staged = FileSystems.match([join(self.data, "*")])[0].metadata_list
        sources = sorted(entry.path for entry in staged)
        targets = [join(target, source.rsplit("/", 1)[1]) for source in sources]
        with contextlib.suppress(OSError):  # object stores have no folders
            FileSystems.mkdirs(target)
        FileSystems.rename(sources, targets)
        with FileSystems.create(join(target, MANIFEST)) as sink:
            sink.write(manifest.encode())
        return target


def _numbers(taken: Iterator[str]) -> Iterator[int]:
    """Give version numbers after the highest one taken."""
    found = [int(m.group(1)) for m in map(_VERSION.fullmatch, taken) if m]
    number = max(found, default=0)
    while True:
        number += 1
        yield number


def _sweep(area: Path) -> None:
    """Remove staging folders of runs that no longer live (their lock is free)."""
    for folder in area.iterdir():
        try:
            lock = os.open(folder / ".lock", os.O_RDWR)
        except OSError:
            continue  # being set up by another run, or not ours
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass  # its run lives
        finally:
            os.close(lock)


def _sync(path: Path) -> None:
    """Flush a file or folder to disk, so that a release survives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
