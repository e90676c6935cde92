"""What the page at / shows of the library and of accounts that can't be used, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.browser import Page
from support.media import movie, picture
from support.stage import StartBare

pytestmark = pytest.mark.browser

MATERIALS = "document.querySelector('#materials')"


def test_files_are_added_changed_and_deleted_with_a_token(
    start_bare: StartBare, page: Page, tmp_path: Path
) -> None:
    token = "s3cret"
    service = start_bare(environment={"RUNNER_API_TOKEN": token})
    service.http.headers["Authorization"] = f"Bearer {token}"
    clip, front, notes = tmp_path / "clip ¡olé!.mp4", tmp_path / "front.png", tmp_path / "notes.mp4"
    clip.write_bytes(movie(padding=2000))
    front.write_bytes(picture(kind="PNG"))
    notes.write_text("no video")
    page.open(service.url)
    page.until("document.querySelector('#token-dialog')?.open")
    page.fill("#token", token)
    page.click("#token-form [type=submit]")
    page.until("document.querySelector('#no-materials').innerText.includes('is empty')")

    page.click("#upload summary")
    page.choose("#upload [name=media]", clip, front, notes)
    page.fill("#upload [name=tags]", "Spring, cats")
    page.fill("#upload [name=caption]", "<b>Hola</b> & {adiós}")
    page.click("#upload [type=submit]")
    page.until("document.querySelectorAll('#uploads .error').length === 1")
    page.until(f"{MATERIALS}.children.length === 2")
    said = page.run("[...document.querySelectorAll('#uploads li')].map((row) => row.lastChild.textContent)")
    assert said[:2] == ["added", "added"]
    assert "notes.mp4" in said[2]
    added = {each["name"]: each for each in service.call("GET", "materials")["materials"]}
    assert set(added) == {clip.name, front.name}
    assert added[clip.name]["tags"] == ["cats", "spring"]
    shown = page.run(f"{MATERIALS}.innerText")
    for text in (
        clip.name,
        "video",
        "image",
        "unused",
        "#spring",
        "<b>Hola</b> & {adiós}",
        "for every account",
    ):
        assert text in shown
    page.until(f"{MATERIALS}.querySelector('img')?.naturalWidth")

    card = f"#materials > [data-key='{added[front.name]['id']}']"
    page.click(f"{card} [data-action=edit]")
    page.fill("#material-form [name=tags]", "autumn")
    page.fill("#material-form [name=caption]", "")
    page.click("#material-form [type=submit]")
    page.until(f"document.querySelector({json.dumps(card)}).innerText.includes('#autumn')")
    changed = service.call("GET", f"materials/{added[front.name]['id']}")
    assert (changed["tags"], changed["caption"]) == (["autumn"], "")

    page.click(f"{card} [data-action=delete]")
    page.until("document.querySelector('#question').open")
    page.click("#question-yes")
    page.until(f"{MATERIALS}.children.length === 1")
    assert [each["name"] for each in service.call("GET", "materials")["materials"]] == [clip.name]
    assert [entry for entry in page.errors() if "status of 40" not in entry] == []


def test_an_account_that_cant_be_used_is_told_on_its_phone(start_bare: StartBare, page: Page) -> None:
    service = start_bare()
    page.open(service.url)
    page.until("document.querySelector('#phones')?.innerText.includes('@someone')")
    config = {"do": ["step:caption", "raise:AccountUnusable"], "log": str(service.folder / "act.log")}
    [failed] = service.ended(*service.create(usernames=["someone"], script_name="act", script_config=config))
    [account] = service.call("GET", "accounts", params={"status": 0})["accounts"]
    assert account["state"] == "unknown"
    page.until("document.querySelector('.accounts .marked .pill')?.innerText === 'unknown'")
    told = page.run("document.querySelector('.accounts .marked').innerText")
    assert f"since {account['state_since'][:16].replace('T', ' ')}" in told
    assert f"task {failed['id']}: {failed['remark']}" in told

    page.click(".accounts .marked button")
    page.until("document.querySelector('#question').open")
    page.click("#question-yes")
    page.until("!document.querySelector('.accounts .marked')")
    assert service.call("GET", "accounts")["accounts"][0]["state"] == "ok"
    assert page.errors() == []
