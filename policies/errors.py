"""Every error that optin raises on purpose.

The tree::

    OptinError                  exit code 2: could not evaluate
    ├── PolicyError             the policy cannot be used; carries every finding
    ├── InputError              the input is missing, unreadable or another shape
    ├── OutputError             the output cannot be written where the policy says
    ├── KeyReferenceError       a secret's reference does not resolve
    ├── DecryptionError         encrypted values are not of this key
    ├── ModelMissingError       the policy asks for a language model that is not here
    └── GateError               exit code 1: the data does not meet the policy

A message says what is wrong, where, and how to mend it. It never holds a value of a
record: the exceptions own their wording so that no caller is tempted to add one.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "DecryptionError",
    "Finding",
    "GateError",
    "InputError",
    "KeyReferenceError",
    "ModelMissingError",
    "OptinError",
    "OutputError",
    "PolicyError",
]


class OptinError(Exception):
    """Base of all errors of this package; `exit_code` is the process exit code."""

    exit_code = 2


@dataclass(frozen=True, order=True)
class Finding:
    """One located statement about a policy file.

    Attributes:
        file: path as the user gave it.
        line: 1-based line.
        column: 1-based column.
        code: stable code, `E…` for an error, `W…` for a warning.
        message: what is wrong and how to mend it.
    """

    file: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        """Give the form that editors and CI annotate: `file:line:column: CODE text`."""
        return f"{self.file}:{self.line}:{self.column}: {self.code} {self.message}"


class PolicyError(OptinError):
    """The policy is not usable. `findings` holds every error, in file order."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings)
        self.findings = findings

    def __str__(self) -> str:
        """One line a finding, then the count."""
        count = len(self.findings)
        lines = [str(finding) for finding in self.findings]
        lines.append(f"{count} error" + ("" if count == 1 else "s"))
        return "\n".join(lines)


class InputError(OptinError):
    """The input is missing, unreadable, or not what the policy describes."""


class OutputError(OptinError):
    """The output, audit or quarantine place cannot be written."""


class KeyReferenceError(OptinError):
    """A `key:` reference does not resolve to usable key bytes."""


class DecryptionError(OptinError):
    """Values cannot be decrypted: another key made them, or they were changed."""


class ModelMissingError(OptinError):
    """The policy asks for entities that need a language model that is not installed."""


class GateError(OptinError):
    """The data does not meet the policy; nothing was published."""

    exit_code = 1
