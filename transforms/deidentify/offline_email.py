"""Presidio's e-mail recogniser, without the network."""

from __future__ import annotations

import tldextract
from presidio_analyzer.predefined_recognizers import EmailRecognizer

__all__ = ["OfflineEmailRecognizer"]


class OfflineEmailRecognizer(EmailRecognizer):
    """Presidio's recogniser with the public suffix list that tldextract ships.

    By default the first e-mail of a process makes tldextract fetch a newer list.
    """

    _suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        """Tell whether the domain is a public one."""
        return bool(self._suffixes(pattern_text).fqdn)
