"""`optin demo`: generate events with known truth, then run the main job on them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from ...policies.errors import OutputError
from ..result import RunResult
from .generate import AS_OF, copy_policy, generate_demo

__all__ = ["run_demo"]


def run_demo(
    folder: Path, *, events: int, seed: int, progress: Callable[[str], None]
) -> RunResult:
    """Generate the demo below `folder` and run its policy.

    The same events and seed give the same release, byte for byte. The key follows from
    the seed, so it protects nothing: demo data alone may use it.

    Raises:
        OutputError: the folder cannot be written.
    """
    from ..training_set import RunOptions, run_policy

    progress(f"generating {events:,} events in {folder}/events")
    try:
        generate_demo(folder, events, seed)
        policy = copy_policy(folder)
        _write_key(folder / "demo.key", seed)
    except OSError as error:
        message = (
            f"--folder {folder}: cannot be written ({error.strerror}); give a folder "
            "that this user may create files in"
        )
        raise OutputError(message) from None
    return run_policy(policy, RunOptions(as_of=AS_OF.isoformat()), progress)


def _write_key(path: Path, seed: int) -> None:
    digest = hashlib.sha256(f"optin demo {seed}".encode()).hexdigest()
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as sink:
        sink.write(digest)
