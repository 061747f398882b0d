"""Where a secret is: the forms of `key:`, read in one place.

::

    env://NAME
    file://path
    awskms://KEY?ciphertext=path[&region=REGION]
    gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K?ciphertext=path
    vault://MOUNT/PATH[?kv=1][?version=N]#FIELD

A `ciphertext` is a file that holds the master key as the key service wrapped it. In the
values of options, in a mount and in a path of Vault, `%XX` stands for a byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

__all__ = ["EXTRAS", "SCHEMES", "Reference", "parse_reference"]

SCHEMES = ("env", "file", "awskms", "gcpkms", "vault")
EXTRAS: Mapping[str, str] = {"awskms": "aws", "gcpkms": "gcp", "vault": "vault"}
"""The extra of the distribution that a scheme needs, if it needs one."""

_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_AWS_KEY = re.compile(r"[A-Za-z0-9:/_-]+")
_GCP_KEY = re.compile(
    r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+"
)
_VAULT = re.compile(r"[^/\s]+(/[^/\s]+)+")
_OPTIONS: Mapping[str, Mapping[str, re.Pattern[str]]] = {
    "awskms": {
        "ciphertext": re.compile(r"[^\x00]+"),
        "region": re.compile(r"[a-z0-9-]+"),
    },
    "gcpkms": {"ciphertext": re.compile(r"[^\x00]+")},
    "vault": {"kv": re.compile(r"[12]"), "version": re.compile(r"[1-9][0-9]{0,8}")},
}


@dataclass(frozen=True)
class Reference:
    """A reference taken apart.

    Attributes:
        scheme: one of `SCHEMES`.
        target: name of the variable, path of the file, key's name, or mount and path.
        options: what follows `?`, decoded.
        entry: `vault`: the field of the secret, which follows `#`.
    """

    scheme: str
    target: str
    options: Mapping[str, str] = field(default_factory=dict)
    entry: str | None = None

    @property
    def file(self) -> str | None:
        """The local file that is read for it; None if there is none."""
        return self.target if self.scheme == "file" else self.options.get("ciphertext")

    def with_file(self, path: str) -> Reference:
        """Give the reference that reads `path` instead."""
        if self.scheme == "file":
            return replace(self, target=path)
        return replace(self, options={**self.options, "ciphertext": path})

    def __str__(self) -> str:
        """Write the reference as a policy does."""
        text = f"{self.scheme}://{self.target}"
        if self.options:
            text += "?" + "&".join(
                f"{name}={quote(value, safe='/')}"
                for name, value in self.options.items()
            )
        return text if self.entry is None else f"{text}#{self.entry}"


def parse_reference(text: str) -> Reference:
    """Take a reference apart.

    Raises:
        ValueError: it is none. The message says what its scheme wants, and never holds
            the text: it may be the secret itself.
    """
    scheme, mark, rest = text.partition("://")
    if not mark or scheme not in SCHEMES:
        message = (
            "write env://NAME, file://path, awskms://…, gcpkms://… or vault://…, never "
            "the secret itself"
        )
        raise ValueError(message)
    if scheme == "env":
        if not _ENV.fullmatch(rest):
            message = "env:// is followed by the name of an environment variable alone"
            raise ValueError(message)
        return Reference(scheme, rest)
    if scheme == "file":
        if not rest or "\0" in rest:
            message = "file:// is followed by the path of a file"
            raise ValueError(message)
        return Reference(scheme, rest)
    return _vault(rest) if scheme == "vault" else _kms(scheme, rest)


def _kms(scheme: str, rest: str) -> Reference:
    target, _, query = rest.partition("?")
    options = _options(scheme, query)
    known = _AWS_KEY if scheme == "awskms" else _GCP_KEY
    if not known.fullmatch(target) or "ciphertext" not in options:
        wanted = {
            "awskms": "awskms://KEY?ciphertext=path, where KEY is a key's ARN or id, "
            "or alias/NAME",
            "gcpkms": "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K"
            "?ciphertext=path",
        }
        message = f"write {wanted[scheme]}; the file holds the wrapped key"
        raise ValueError(message)
    if "://" in options["ciphertext"]:
        message = "ciphertext= is the path of a local file"
        raise ValueError(message)
    return Reference(scheme, target, options)


def _vault(rest: str) -> Reference:
    place, _, name = rest.partition("#")
    target, _, query = place.partition("?")
    if not name or not _VAULT.fullmatch(target):
        message = "write vault://MOUNT/PATH#FIELD"
        raise ValueError(message)
    options = _options("vault", query)
    if options.get("kv") == "1" and "version" in options:
        message = "vault://…?kv=1 has no versions; leave version= out"
        raise ValueError(message)
    return Reference("vault", target, options, name)


def _options(scheme: str, query: str) -> dict[str, str]:
    known, found = _OPTIONS[scheme], dict[str, str]()
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        value = unquote(value)
        if name not in known or name in found or not known[name].fullmatch(value):
            names = ", ".join(f"{name}=" for name in known)
            message = f"{scheme}:// takes {names} once each, with a fitting value"
            raise ValueError(message)
        found[name] = value
    return found
