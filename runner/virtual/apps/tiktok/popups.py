"""TikTok's popups: what covers the app, which answers are harmless and what the other answers do.

Those that a dump shows are that dump; what has none is named below.
"""

from __future__ import annotations

from ..popups import PopupKind
from . import screens

# Named by public automation code only: the contacts dialog's markup with the wording known from there.
_CODE_ONLY = (
    PopupKind(
        "follow_friends",
        screens.DIALOG,
        "Follow your friends",
        "Follow",
        "Not now",
        mistake="followed friends",
    ),
    PopupKind(
        "keep_editing",
        screens.DIALOG,
        "Keep editing your unposted video?",
        "Edit",
        "Cancel",
        mistake="went on with an old draft",
    ),
    PopupKind("community_guidelines", screens.DIALOG, "Community Guidelines Update", no="Got it"),
    PopupKind("privacy_policy", screens.DIALOG, "Privacy Policy Update", no="Got it"),
    PopupKind(
        "camera_shortcut",
        screens.DIALOG,
        "Add TikTok camera shortcut",
        "Add",
        "Not now",
        mistake="added a camera shortcut",
    ),
    PopupKind("link_email", screens.DIALOG, "Link email", "Link email", "Not now", mistake="linked an email"),
)

_CONTACTS = PopupKind("contacts", screens.DIALOG, mistake="opened the settings")
_SYNC_CONTACTS = PopupKind("sync_contacts", screens.SYNC_CONTACTS, mistake="synced contacts")
_OTHERS = {
    kind.name: kind
    for kind in (
        PopupKind("notifications", screens.NOTIFICATIONS, mistake="turned on notifications"),
        PopupKind("update", screens.UPDATE),
        PopupKind("collections", screens.COLLECTIONS, mistake="made a collection"),
        PopupKind("save_login", screens.SAVE_LOGIN, mistake="saved the login"),
        *_CODE_ONLY,
    )
}
ANY_TIME = {"contacts": _CONTACTS, **_OTHERS}
"""The popups that can come at any time, by name."""
ANY_TIME_IN_ASIA = {"sync_contacts": _SYNC_CONTACTS, **_OTHERS}

# These belong to a moment of their own.
SURVEY = PopupKind(
    "survey", screens.DIALOG, "How do you like the app?", "Start", "Not now", mistake="began a survey"
)
"""Known from nowhere: it stands for the dialogs that nobody has seen yet."""
PUBLISH_PUBLICLY = PopupKind(
    "publish_publicly", screens.DIALOG, "Publish video publicly?", "Publish now", "Cancel"
)
AI_LABEL = PopupKind("ai_label", screens.DIALOG, "Label your AI-generated content", "Turn on", "Cancel")
"""Reported to come when the switch is used for the first time; its words are ours."""
DISCARD = PopupKind("discard", screens.DIALOG, "Discard edits?", "Discard", "Keep editing")
UPLOAD_FAILED = PopupKind(
    "upload_failed", screens.DIALOG, "Something went wrong. Try again later.", "Retry", "Cancel"
)
BLOCKED = PopupKind("blocked", screens.BLOCKED)
