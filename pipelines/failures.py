"""What went wrong in a worker, said once and without a stack or a value.

A Beam worker reports an exception as text: a traceback, in which any library may have
quoted a value of a record. Only what optin itself raised on purpose is passed on; of
everything else the type and the step are named, never the text.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..policies import errors
from ..policies.errors import OptinError

__all__ = ["plain_failures", "quiet_libraries"]

_OURS = re.compile(
    r"^optin\.policies\.errors\.(\w+): (.*?)(?: \[while running '([^']*)'\])?$",
    re.MULTILINE | re.DOTALL,
)
_OTHER = re.compile(r"^([\w.]+(?:Error|Exception|Invalid|Interrupt|Warning))\b", re.M)
_STEP = re.compile(r"\[while running '([^']*)'\]")


@contextmanager
def plain_failures(stage: str) -> Iterator[None]:
    """Turn whatever a pipeline raises into one clear error.

    Raises:
        OptinError: what a worker raised of ours, or the name of anything else.
    """
    try:
        yield
    except OptinError:
        raise
    except Exception as error:  # anything: it is renamed, not swallowed
        if os.environ.get("OPTIN_TRACEBACK") == "1":
            raise
        raise _plain(error, stage) from None


def _plain(error: Exception, stage: str) -> OptinError:
    text = str(error)
    ours = list(_OURS.finditer(text))
    if ours:  # the last one is what was raised; earlier ones are its causes
        kind = getattr(errors, ours[-1].group(1), OptinError)
        if isinstance(kind, type) and issubclass(kind, OptinError):
            return kind(ours[-1].group(2).strip())
    names = _OTHER.findall(text)
    step = _STEP.search(text)
    where = f" in step '{step.group(1)}'" if step else ""
    name = names[-1] if names else type(error).__name__
    message = (
        f"{stage} failed{where} ({name}); nothing was published. The worker's own text "
        "is withheld because it may quote a record; OPTIN_TRACEBACK=1 shows it"
    )
    return OptinError(message)


def quiet_libraries() -> None:
    """Keep the libraries' own log lines, which may quote records, off the terminal."""
    logging.basicConfig(level=logging.ERROR)
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL + 1)
