"""What is installed on a virtual phone: packages, their permissions, what `dumpsys package` tells."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

LATIN_IME = "com.google.android.inputmethod.latin/com.android.inputmethod.latin.LatinIME"
ADB_KEYBOARD_PACKAGE = "com.github.uiautomator"
ADB_KEYBOARD_IME = "com.github.uiautomator/.AdbKeyboard"

SYSTEM_PACKAGES = (
    "android",
    "com.android.providers.media.module",
    "com.android.settings",
    "com.android.shell",
    "com.android.systemui",
    "com.google.android.inputmethod.latin",
    "com.google.android.permissioncontroller",
)
"""Installed on every phone, and without a screen of their own here."""


RUNTIME_PERMISSIONS = (
    "android.permission.CAMERA",
    "android.permission.RECORD_AUDIO",
    "android.permission.READ_MEDIA_VIDEO",
    "android.permission.READ_MEDIA_IMAGES",
    "android.permission.READ_MEDIA_AUDIO",
    "android.permission.READ_EXTERNAL_STORAGE",
    "android.permission.WRITE_EXTERNAL_STORAGE",
    "android.permission.POST_NOTIFICATIONS",
    "android.permission.READ_CONTACTS",
    "android.permission.ACCESS_FINE_LOCATION",
    "android.permission.ACCESS_COARSE_LOCATION",
)


@dataclass
class Package:
    name: str
    version: str
    system: bool = False
    activity: str = ""
    """Its launcher activity; "" for a package without a screen."""
    target_sdk: int = 34
    installed: float = 1_735_725_600.0
    """Epoch seconds."""
    granted: dict[str, bool] = field(default_factory=dict)
    """Runtime permissions that were decided on; missing means never asked."""
    denials: dict[str, int] = field(default_factory=dict)

    @property
    def runtime_permissions(self) -> tuple[str, ...]:
        return RUNTIME_PERMISSIONS if self.activity and not self.system else ()

    @property
    def version_code(self) -> int:
        digits = "".join(f"{int(part):02d}" for part in self.version.split(".")[:3] if part.isdigit())
        return int(digits or "1") * 10

    @property
    def apk_path(self) -> str:
        if self.system:
            return f"/system/priv-app/{self.name}/{self.name}.apk"
        tag = hashlib.sha256(self.name.encode()).hexdigest()
        return f"/data/app/~~{tag[:22]}==/{self.name}-{tag[22:44]}==/base.apk"

    @property
    def signature(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()[:8]
