"""The `anonymity.subject:` part of a policy: may rows of one person be linked?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from .columns import PSEUDONYM_ACTIONS, Column
from .draft import Draft, listing, shown
from .signals import Frozen

if TYPE_CHECKING:
    from .draft import ColumnDraft
    from .yaml_source import Path_

__all__ = ["SubjectRule", "check_subject", "links_people"]

_ONE_RECORD = ("event_id",)
"""Types that name one record, so that a pseudonym links nothing."""


class SubjectRule(Frozen):
    """Whether the published set tells which rows are one person's.

    Attributes:
        publish: `dropped`: no column links the rows of a person; a class is a tuple, and
            its people are counted. `pseudonym`: a column may; then every person gets one
            tuple, so that their rows stand in one class.
        harmonise: which: the person's `latest` by event time, or their `most_common`;
            `most_common` by default.
    """

    publish: Literal["dropped", "pseudonym"] = "dropped"
    harmonise: Literal["latest", "most_common"] | None = None

    @model_validator(mode="after")
    def _fill(self) -> Self:
        """Write out the default, so that both spellings are one policy."""
        if self.publish == "pseudonym" and self.harmonise is None:
            object.__setattr__(self, "harmonise", "most_common")
        return self


def links_people(column: Column, subjects: tuple[str, ...]) -> bool:
    """Tell whether a column's published values link the rows of a person."""
    return _links(
        column.action,
        subject=column.name in subjects,
        identifier=column.semantic.direct_identifier,
        kind=column.type,
    )


def check_subject(draft: Draft, columns: tuple[ColumnDraft, ...]) -> None:
    """Refuse pseudonyms of people that nothing protects; note findings."""
    base: Path_ = ("anonymity", "subject")
    subjects = {name for _, name in draft.texts("input", "subject")}
    broken = draft.is_broken(base) or draft.is_broken((*base, "publish"))
    published = draft.text(*base, "publish") == "pseudonym"
    linking = [
        column
        for column in columns
        if column.name is not None
        and not column.quasi
        and column.semantic is not None
        and column.action is not None
        and _links(
            column.action,
            subject=column.name in subjects,
            identifier=column.semantic.direct_identifier,
            kind=column.semantic.name,
        )
    ]
    if not published and not broken:
        for column in linking:
            written = draft.has(*column.path, "action")
            message = (
                f"{shown(column.action)} of {shown(column.name)} links the rows of a "
                "person, whose classes together may single them out; drop the column, or "
                "write 'anonymity: {subject: {publish: pseudonym}}'"
            )
            path = (*column.path, "action" if written else "name")
            draft.report("E194", message, path)
    if not published and not broken and draft.has(*base, "harmonise"):
        message = "'harmonise' means nothing without 'publish: pseudonym'"
        draft.report("E195", message, (*base, "harmonise"), key=True)
    known = all(column.action is not None for column in columns)
    if published and known and not linking:
        message = (
            "no published column links the rows of a person, so harmonising loses detail "
            f"for nothing; {listing(PSEUDONYM_ACTIONS)} of an identifier would"
        )
        draft.report("W194", message, (*base, "publish"))


def _links(action: str, *, subject: bool, identifier: bool, kind: str) -> bool:
    if action == "keep":  # of an identifier it is refused anyway
        return subject and not identifier
    if action not in PSEUDONYM_ACTIONS:
        return False
    return subject or (identifier and kind not in _ONE_RECORD)
