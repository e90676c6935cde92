"""uiautomator2 and adbutils, unmodified, through a real adb server."""

from __future__ import annotations

from support.virtual import Phones


def test_u2_connects_and_reads_the_screen(phones: Phones) -> None:
    device = phones.u2()
    assert device.info["displayWidth"] == 1080
    assert device.window_size() == (1080, 2400)
    assert device.dump_hierarchy().startswith("<?xml version='1.0' encoding='UTF-8' standalone='yes' ?>\r\n")
    assert device.screenshot().size == (1080, 2400)
    assert device.app_current()["package"] == phones.farm.farm.phones[0].launcher.package
