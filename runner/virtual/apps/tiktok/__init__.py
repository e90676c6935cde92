"""TikTok on a virtual phone: its screens (`screens`), what they do (`pages`, `popups`) and the app
itself (`app`).
"""

from __future__ import annotations

from .app import TikTok, TikTokAsia

__all__ = ["TikTok", "TikTokAsia"]
