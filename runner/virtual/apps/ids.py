"""Resource ids by version of TikTok, whose build renames nearly all of them each time.

The screens are dumps of 43.1.4. Where a dump of a newer version shows the same node, its id there is known;
the other obfuscated ids get names of our own for a newer version, so that nothing that relies on 43.1.4's
ids works there.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

_OBFUSCATED = re.compile(r"[a-z0-9_]{2,3}")

# tt4673_en_account_switcher, tt4673_en_own_profile_header, tt46_en_save_login_prompt
_V46_7 = {
    "f0u": "fxf",
    "nmh": "pke",
    "k5o": "lkp",
    "ljk": "n72",
    "en4": "fiu",
    "qf8": "su7",
    "qh5": "sr3",
    "mks": "oeg",
}
# tt4663_en_publish_uploading against tt4314_fr_publish_uploading
_V46_6 = {
    "i5o": "jdh",
    "mln": "og6",
    "ml3": "ofp",
    "gy_": "i57",
    "zpg": "viewpager",
    "f57": "g2w",
    "f4u": "g2c",
    "f4z": "g2j",
    "dtv": "em1",
    "dp6": "eg4",
    "gug": "i1k",
    "guh": "i1l",
    "nhe": "pgx",
    "hmn": "iuv",
    "v6q": "xs1",
    "krz": "map",
    "mky": "ofk",
    "mkq": "ofc",
    "mkp": "ofb",
    "mkn": "of9",
    "mkr": "ofd",
    "mks": "ofe",
    "qrr": "t7q",
    "s1c": "uio",
    "bhi": "c0r",
    "bhj": "c0s",
    "eo2": "fk4",
    "kmf": "m5m",
    "x44": "tvProgress",
}
# tt4703_fr_post_page_bottom_row
_V47_0 = {"fex": "ght", "qrb": "tiq", "x44": "tvProgress"}

# Reported for this version by public automation code.
_V44_3 = {"mkn": "m76"}

_KNOWN = {"44.3": _V44_3, "46.6": _V46_6, "46.7": _V46_7, "47.0": _V47_0}


@lru_cache(maxsize=4096)
def renamed(name: str, version: str) -> str:
    """What the node with 43.1.4's id `name` (without package) is called in this version."""
    if version.startswith("43."):
        return name
    known = _KNOWN.get(".".join(version.split(".")[:2]), {})
    if name in known:
        return known[name]
    if not _OBFUSCATED.fullmatch(name):
        return name
    digest = zlib.crc32(f"{version}/{name}".encode())
    letters = "abcdefghijklmnopqrstuvwxyz0123456789_"
    return letters[digest % 26] + letters[digest // 26 % 37] + letters[digest // 962 % 37]
