"""Our transforms for Beam YAML: what `providers.yaml` beside this file names.

One class a transform, under the name that a pipeline gives as `type:`; its arguments are
the keys of `config:`. Rows come in and rows go out.
"""

from __future__ import annotations

from pathlib import Path

from .deidentify import Deidentify
from .kanonymize import KAnonymize

__all__ = ["PROVIDERS", "Deidentify", "KAnonymize"]

PROVIDERS = Path(__file__).parent / "providers.yaml"
"""The listing that a pipeline includes: `providers: [{include: …/providers.yaml}]`."""
