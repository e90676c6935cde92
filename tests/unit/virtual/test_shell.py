"""The phone's command line, compared with what mksh and toybox print."""

from __future__ import annotations

import hashlib

import pytest

from support.one_phone import run_lines


def output(line: str) -> str:
    return run_lines(line)[0][1]


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n"),
        ("echo 'it'\\''s'", "it's\n"),
        ('echo "a \\"b\\" \\$c"', 'a "b" $c\n'),
        ("echo $HOME:$nothing:${USER}", "/::shell\n"),
        ("X='a  b'; echo $X \"$X\"", "a b a  b\n"),
        ("false; echo $?", "1\n"),
        ("true; echo X4EXIT:$?", "X4EXIT:0\n"),
        ("false && echo no || echo yes", "yes\n"),
        ("true || echo no && echo yes", "yes\n"),
        ("echo one; echo two", "one\ntwo\n"),
        ("echo a; # a comment\necho b", "a\nb\n"),
        ("echo '😀 ñ 你好'", "😀 ñ 你好\n"),
        ("echo -n x; echo y", "xy\n"),
        ("echo -e 'a\\nb'", "a\nb\n"),
        ("echo $(echo inner) `echo back`", "inner back\n"),
        ("echo a b c | wc -w", "3\n"),
        ("echo 'x=1\ny=2' | grep y", "y=2\n"),
        ("echo gone > /dev/null; echo $?", "0\n"),
        ("ls /nope 2>/dev/null; echo $?", "1\n"),
        ("ls /nope 2>&1", "ls: /nope: No such file or directory\n"),
        ("cd /data/local/tmp && pwd", "/data/local/tmp\n"),
        ("sh -c 'echo $((1'; echo $?", "1\n"),
        ("toybox echo hi", "hi\n"),
        ("/system/bin/echo hi", "hi\n"),
        ("command -v ls", "/system/bin/ls\n"),
        ("[ -d /sdcard ] && echo folder", "folder\n"),
        ("test 3 -gt 2 && [ a != b ] && echo ok", "ok\n"),
    ],
)
def test_language(line: str, printed: str) -> None:
    assert output(line) == printed


@pytest.mark.parametrize(
    ("line", "status", "complaint"),
    [
        ("nonsense --now", 127, "/system/bin/sh: nonsense: inaccessible or not found\n"),
        ("su -c id", 127, "/system/bin/sh: su: inaccessible or not found\n"),
        ("echo 'open", 1, "/system/bin/sh: no closing quote\n"),
        ("if true; then echo x; fi", 1, "/system/bin/sh: syntax error: unexpected 'if'\n"),
        ("echo a &&", 1, "/system/bin/sh: syntax error: unexpected 'newline'\n"),
        ("| grep x", 1, "/system/bin/sh: syntax error: unexpected '|'\n"),
        ("rm /sdcard/none", 1, "rm: /sdcard/none: No such file or directory\n"),
        ("ls -y", 1, "ls: Unknown option 'y' (see \"ls --help\")\n"),
        ("cat /sdcard", 1, "cat: /sdcard: Is a directory\n"),
        ("toybox nonsense", 127, 'toybox: Unknown command nonsense (see "toybox --help")\n'),
        ("mkdir /system/x", 1, "mkdir: '/system/x': Read-only file system\n"),
        ("echo x > /data/x", 1, "/system/bin/sh: can't create /data/x: Permission denied\n"),
        ("settings get nowhere x", 255, "Invalid namespace 'nowhere'\n"),
        ("am dance", 255, "Unknown command: dance\n"),
        ("am start --nonsense", 255, "Error: Unknown option: --nonsense\n"),
        ("pm list features", 255, "Error: unknown list type 'features'\n"),
        ("cmd nothing", 20, "cmd: Can't find service: nothing\n"),
        ("ip addr show dev wlan0", 1, 'Device "wlan0" does not exist.\n'),
    ],
)
def test_failures_fail(line: str, status: int, complaint: str) -> None:
    assert run_lines(line)[0] == (status, "", complaint)


def test_files() -> None:
    content = b"hello\nmore\n"
    answers = run_lines(
        "mkdir -p /sdcard/Movies/X",
        "echo hello > /sdcard/Movies/X/a.txt; echo more >> /sdcard/Movies/X/a.txt",
        "cat /storage/emulated/0/Movies/X/a.txt",
        "cp /sdcard/Movies/X/a.txt /sdcard/Movies/X/b.mp4; ls /storage/self/primary/Movies/X",
        "stat -c '%s %F %n' /sdcard/Movies/X/a.txt",
        "md5sum /sdcard/Movies/X/a.txt",
        "sha256sum /sdcard/Movies/X/*.mp4",
        "mv /sdcard/Movies/X/b.mp4 /sdcard/Movies/c.mp4; ls /sdcard/Movies",
        "touch -d @1700000000 /sdcard/Movies/c.mp4; stat -c %Y /sdcard/Movies/c.mp4",
        "rmdir /sdcard/Movies/X",
        "rm -rf /sdcard/Movies/X; ls -A /sdcard/Movies",
        "rm -f /sdcard/none /sdcard/Movies/*; ls /sdcard/Movies",
        "ls -d /sdcard/*ovies",
    )
    assert [(status, out) for status, out, _ in answers] == [
        (0, ""),
        (0, ""),
        (0, "hello\nmore\n"),
        (0, "a.txt\nb.mp4\n"),
        (0, "11 regular file /sdcard/Movies/X/a.txt\n"),
        (0, f"{hashlib.md5(content).hexdigest()}  /sdcard/Movies/X/a.txt\n"),
        (0, f"{hashlib.sha256(content).hexdigest()}  /sdcard/Movies/X/b.mp4\n"),
        (0, "X\nc.mp4\n"),
        (0, "1700000000\n"),
        (1, ""),
        (0, "c.mp4\n"),
        (0, ""),
        (0, "/sdcard/Movies\n"),
    ]
