"""The windows that belong to Android itself: bars, keyboard, the dialog about a crashing app.

Bars and keyboard are the dumps' (their place is that of a 1080x2400 screen). Nobody may change or re-parent
what is returned: the trees are shared.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, lru_cache

from lxml.etree import _Element

from runner.virtual.apps.dialogs import LABELS
from runner.virtual.hierarchy import node_at, system_window

_BATTERY = 80
_WORDS = {
    "en": {
        "back": "Back",
        "home": "Home",
        "battery": f"{_BATTERY}%",
        "battery_description": f"Battery {_BATTERY} percent.",
        "keeps_stopping": "{app} keeps stopping",
        "app_info": "App info",
        "close": "Close app",
    },
    "fr": {
        "back": "Retour",
        "home": "Accueil",
        "battery": f"{_BATTERY} %",
        "battery_description": f"Batterie : {_BATTERY} %.",
        "keeps_stopping": "{app} s'arrête systématiquement",
        "app_info": "Infos sur l'appli",
        "close": "Fermer l'application",
    },
}


def _words(language: str) -> dict[str, str]:
    """Languages of which no dump exists get English, as an incomplete ROM shows it."""
    return _WORDS.get(language.partition("-")[0], _WORDS["en"])


def status_bar(language: str) -> _Element:
    return _status_bar(language, time.strftime("%H:%M", time.gmtime()))


@lru_cache(maxsize=8)
def _status_bar(language: str, clock: str) -> _Element:
    return system_window("status_bar", {**_words(language), "clock": clock})


@cache
def navigation_bar(language: str) -> _Element:
    return system_window("navigation_bar", _words(language))


@cache
def keyboard() -> _Element:
    return system_window("keyboard", {})


def crash_dialog(package: str, language: str) -> tuple[_Element, Callable[[int, int], bool]]:
    """ "… keeps stopping", with AOSP's ids; the answer is True when a tap closes it."""
    words = _words(language)
    title = words["keeps_stopping"].format(app=LABELS.get(package, package))
    window = system_window("crash_dialog", {**words, "title": title})

    def closes(x: int, y: int) -> bool:
        return node_at(window, x, y, lambda node: node.get("clickable") == "true") is not None

    return window, closes
