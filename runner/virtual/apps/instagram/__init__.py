"""Instagram on a virtual phone: its screens (`screens`), what they do (`pages`, `posting`, `popups`) and the
app itself (`app`).

It behaves as the recorded app does; it is no player of recordings and knows nothing of what drives it.
"""

from __future__ import annotations

from .app import Instagram

__all__ = ["Instagram"]
