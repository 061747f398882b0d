"""Own recognisers of what Presidio's default set does not find, or drops.

Presidio is imported here at module level: import this package only where text is read.
"""

from .build import OWN_ENTITIES, OWN_RECOGNIZERS, build_own

__all__ = ["OWN_ENTITIES", "OWN_RECOGNIZERS", "build_own"]
