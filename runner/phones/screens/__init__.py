"""Which screen of which app a hierarchy shows, and where its controls are.

Screens are data: the YAML files beside this module, changed or extended by files of the operator's own folder
(docs/screens.md). `Catalog.recognise` looks at one hierarchy and says what it is; it never touches a phone.
"""

from __future__ import annotations

from runner.phones.screens.catalog import Catalog, Seen
from runner.phones.screens.schema import Kind

__all__ = ["Catalog", "Kind", "Seen"]
