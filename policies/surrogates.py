"""Surrogates that Faker does not draw alike on every day and machine."""

from __future__ import annotations

from .draft import Draft, shown
from .yaml_source import Path_

__all__ = ["UNSTABLE_SURROGATES", "check_stable"]

_BY_DAY = "depend on the day they are drawn"
_BIRTHDAYS = "de_AT el_GR et_EE fi_FI lv_LV nl_BE no_NO pl_PL sr_BA sv_SE uk_UA zh_CN"
_YEARS = "az_AZ bg_BG mk_MK ru_RU"

UNSTABLE_SURROGATES: dict[tuple[str, str], str] = {
    **{("national_id", locale): _BY_DAY for locale in _BIRTHDAYS.split()},
    **{
        (kind, loc): _BY_DAY for kind in ("email", "username") for loc in _YEARS.split()
    },
    **{("phone", locale): "cannot be drawn" for locale in ("en_PH", "fil_PH", "tl_PH")},
    ("city", "it_IT"): "differ from one process to the next",
}
"""(kind, locale) → what is wrong with it; a test draws all others on two days and in two
processes."""


def check_stable(draft: Draft, kind: str | None, locale: str, path: Path_) -> None:
    """Refuse a kind in a locale that is not the same for the same value; note a finding."""
    why = UNSTABLE_SURROGATES.get((kind or "", locale))
    if why is not None:
        message = (
            f"surrogates of kind {kind} in {shown(locale)} {why}, and the same input must "
            "give the same release; take another locale or kind, or 'hmac'"
        )
        draft.report("E188", message, path)
