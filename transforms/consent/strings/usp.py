"""US Privacy strings: a version and three letters, `1YNN`."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from .errors import ConsentStringError, Malformed

__all__ = ["UsPrivacy", "UspVerdict", "decode_usp", "evaluate_usp", "usp_code"]

_FORM = re.compile(r"1([YN-])([YN-])([YN-])")


class UsPrivacy(NamedTuple):
    """The letters of a US Privacy string; `-` says that the question does not apply.

    Attributes:
        version: 1.
        notice: the user was told of the sale of data and how to opt out.
        opt_out_sale: the user opted out of the sale of data.
        lspa_covered: the publisher signed the service provider agreement.
    """

    version: int
    notice: str
    opt_out_sale: str
    lspa_covered: str

    @property
    def applies(self) -> bool:
        """Whether US privacy law applies: false for `1---` alone."""
        return self[1:] != ("-", "-", "-")

    @property
    def coherent(self) -> bool:
        """Whether the letters agree: where the law applies, opt-out is a yes or no."""
        return not self.applies or self.opt_out_sale != "-"


class UspVerdict(IntEnum):
    """What a US Privacy string vetoes. It never grants; the numbers are stable."""

    CLEAR = 0
    OPTED_OUT = 1
    MALFORMED = 2


def decode_usp(text: str) -> UsPrivacy:
    """Decode a US Privacy string, or refuse it.

    Raises:
        ConsentStringError: `version`, or `characters` for any other fault.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        wrong_version = len(text) == 4 and text[0] in "023456789"
        reason = Malformed.VERSION if wrong_version else Malformed.CHARACTERS
        raise ConsentStringError(reason)
    notice, opt_out, lspa = found.groups()
    return UsPrivacy(1, notice, opt_out, lspa)


def evaluate_usp(text: str) -> UspVerdict:
    """Tell whether the user opted out; letters that disagree are `MALFORMED`."""
    try:
        string = decode_usp(text)
    except ConsentStringError:
        return UspVerdict.MALFORMED
    if string.opt_out_sale == "Y":
        return UspVerdict.OPTED_OUT
    return UspVerdict.CLEAR if string.coherent else UspVerdict.MALFORMED


def usp_code(text: str) -> int:
    """Give the verdict as a plain number, for columns."""
    return int(evaluate_usp(text))
