"""What a caller may set beside the policy, and what is refused before any work."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..policies import Policy
from ..policies.errors import OptinError, OutputError
from ..policies.places import is_local

__all__ = ["RunOptions", "instant_of", "overridden", "refuse_overlap", "require_model"]


@dataclass(frozen=True)
class RunOptions:
    """What a caller may set beside the policy.

    Attributes:
        input_path: read this instead of `input.path`.
        output_path: publish here instead of `output.path`.
        as_of: the instant the run speaks about, ISO 8601 with a zone; now if null.
        runner_flags: Beam's own pipeline flags.
        text_workers: processes that help the local runner to read text, once there is
            much of it. They start afresh, so a script that sets this needs its
            `if __name__ == "__main__":`.
    """

    input_path: str | None = None
    output_path: str | None = None
    as_of: str | None = None
    runner_flags: tuple[str, ...] = ()
    text_workers: int = 0


def overridden(policy: Policy, options: RunOptions) -> Policy:
    """Put paths of the command line in the place of the policy's."""
    updates: dict[str, object] = {}
    if options.input_path is not None:
        updates["input"] = policy.input.model_copy(update={"path": options.input_path})
    if options.output_path is not None:
        path = {"path": options.output_path}
        updates["output"] = policy.output.model_copy(update=path)
    return policy.model_copy(update=updates)


def refuse_overlap(policy: Policy) -> None:
    """Refuse an output inside the input: the next run would read its own release.

    Raises:
        OutputError: the two overlap.
    """
    source, target = policy.input.path, policy.output.path
    if not (is_local(source) and is_local(target)):
        return
    fixed = itertools.takewhile(
        lambda part: not any(sign in part for sign in "*?["), Path(source).parts
    )
    place, goal = Path(*fixed).resolve(), Path(target).resolve()
    if place in (goal, *goal.parents) or (goal / policy.name) in (
        place,
        *place.parents,
    ):
        message = (
            f"output.path {target} lies inside input.path {source}: the next run would "
            "read its own release. Give a folder of its own"
        )
        raise OutputError(message)


def instant_of(text: str | None) -> datetime:
    """Read the instant of a run.

    Raises:
        OptinError: the text is no ISO 8601 time with a zone.
    """
    if text is None:
        return datetime.now(UTC)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        message = f"--as-of {text!r} is no ISO 8601 time; write 2026-01-31T00:00:00Z"
        raise OptinError(message) from None
    if instant.tzinfo is None:
        message = f"--as-of {text!r} has no time zone; write 2026-01-31T00:00:00Z"
        raise OptinError(message)
    return instant.astimezone(UTC)


def require_model(policy: Policy) -> None:
    """Refuse a policy whose models are not here, before any record is read.

    Raises:
        ModelMissingError: the language's model or the one of `pii.ner` is missing, or is
            another one; says how to install it.
    """
    pii = policy.pii
    scans = any(column.action == "scan" for column in policy.published_columns)
    if pii is not None and scans:
        from ..transforms.deidentify import verify_models

        verify_models(pii)
