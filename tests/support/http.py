"""An HTTP client for addresses of this computer."""

from __future__ import annotations

from typing import Any

import httpx


class PlainClient(httpx.Client):
    """Loads no certificates, which takes 20 ms; nothing that tests start speaks TLS."""

    def __init__(self, **options: Any) -> None:
        super().__init__(verify=False, **options)
