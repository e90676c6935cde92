"""Android's permission dialog, as the phone shows it above an app. The phone decides when; this is only
its markup.

The tree is a dump of Android 12 in French; the English texts and the plain deny button are those of a dump
in English. Dumps exist for the camera and the microphone only: for media, notifications and contacts the
dialog has "Allow" (`permission_allow_button`) in place of the two, as public automation code knows it.
"""

from __future__ import annotations

from collections.abc import Callable

from lxml.etree import _Element

from ..app import Android
from . import words
from .templates import Look, Template, write

LABELS = {
    "com.zhiliaoapp.musically": "TikTok",
    "com.ss.android.ugc.trill": "TikTok",
    "com.instagram.android": "Instagram",
}
_CONTROLLER = "com.android.permissioncontroller:id"
_DIALOG = Template(
    "android/android12_fr_permission_camera.xml",
    {
        "allow": "#permission_allow_foreground_only_button",
        "once": "#permission_allow_one_time_button",
        "deny": "#permission_deny_and_dont_ask_again_button",
    },
    {"message": "#permission_message"},
    size=(1080, 2220),
    language="fr",
    package="com.google.android.permissioncontroller",
)
_QUESTIONS = {
    "android.permission.CAMERA": "Allow {app} to take pictures and record video?",
    "android.permission.RECORD_AUDIO": "Allow {app} to record audio?",
    "android.permission.READ_MEDIA_VIDEO": "Allow {app} to access photos and videos on this device?",
    "android.permission.READ_MEDIA_IMAGES": "Allow {app} to access photos and videos on this device?",
    "android.permission.READ_EXTERNAL_STORAGE": "Allow {app} to access photos and videos on this device?",
    "android.permission.POST_NOTIFICATIONS": "Allow {app} to send you notifications?",
    "android.permission.READ_CONTACTS": "Allow {app} to access your contacts?",
}
_WHILE_IN_USE = ("android.permission.CAMERA", "android.permission.RECORD_AUDIO")


def permission_dialog(
    android: Android, package: str, permission: str
) -> tuple[list[_Element], Callable[[int, int], bool | None]]:
    """The dialog's windows, and what a tap at a place means: True allowed, False denied, None nothing.

    The windows are shared like an app's: serialise them, don't alter or re-parent them. LookupError for a
    permission that needs no dialog.
    """
    look = Look(android.width, android.height, _DIALOG.package, "", android.language)
    sheet = _DIALOG.sheet(look)
    label = LABELS.get(package, package)
    sheet.text("message", words.say(android.language, _QUESTIONS[permission], app=label))
    if permission not in _WHILE_IN_USE:
        sheet.drop("once")
        allow = words.say(android.language, "Allow")
        write(sheet.node("allow"), text=allow, resource_id=f"{_CONTROLLER}/permission_allow_button")
    if android.language == "en":
        write(sheet.node("deny"), resource_id=f"{_CONTROLLER}/permission_deny_button")
    sheet.seal()
    answers = {"allow": True, "once": True, "deny": False}

    def tapped(x: int, y: int) -> bool | None:
        hit = sheet.hit(x, y)
        return answers[hit.key] if hit is not None else None

    return sheet.windows, tapped
