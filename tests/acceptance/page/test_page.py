"""The page at / in a real browser: what a person sees and can do there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.browser import Page
from support.stage import ABSENT, Stage, StageService, StartBare
from support.waiting import wait_for

pytestmark = pytest.mark.browser


def row(task_id: int) -> str:
    """A JavaScript expression for the task's element."""
    return f"document.querySelector('#tasks > [data-key=\"{task_id}\"]')"


def shown(page: Page, task_id: int, text: str) -> None:
    page.until(f"{row(task_id)}?.innerText.includes({json.dumps(text)})")


def click(page: Page, task_id: int, action: str) -> None:
    page.click_on(f"{row(task_id)}?.querySelector('[data-action={action}]')")


def open_page(page: Page, service: StageService, path: str = "/") -> None:
    page.open(f"{service.url}{path}")
    page.until("document.querySelector('#connection')?.textContent === 'Live'")


def nothing_wrong(page: Page, service: StageService) -> None:
    """No script failed, and nothing was loaded from anywhere else."""
    assert page.errors() == []
    near = (service.url, "blob:", "about:", "data:")
    elsewhere = [url for url in page.requested() if not url.startswith(near)]
    assert elsewhere == []


def test_it_shows_phones_with_states_and_reasons(stage: Stage, page: Page) -> None:
    open_page(page, stage.service)
    page.until("document.querySelectorAll('#phones > li').length === 4")
    cards = page.run("[...document.querySelectorAll('#phones > li')].map(card => card.innerText)")
    assert "First" in cards[0]
    assert stage.first in cards[0]
    assert "@demo_001_1" in cards[0]
    assert "absent" in cards[2]
    assert "adb does not see it" in cards[2]
    assert "disabled" in cards[3]
    page.until("document.querySelector('#phones-summary').textContent === '2 of 3 can work'")
    nothing_wrong(page, stage.service)


def test_tasks_change_before_ones_eyes(stage: Stage, page: Page) -> None:
    open_page(page, stage.service)
    task_id = stage.service.act("step:prepare", "wait:2", "step:caption", "wait:2")
    shown(page, task_id, "running")
    shown(page, task_id, "prepare (1 of 4)")
    shown(page, task_id, "caption (2 of 4)")
    shown(page, task_id, "completed")
    link = page.run(f"{row(task_id)}.querySelector('a').href")
    assert link == stage.service.task(task_id)["post_url"]
    nothing_wrong(page, stage.service)


def test_a_task_is_stopped_retried_and_deleted(stage: Stage, page: Page) -> None:
    open_page(page, stage.service)
    task_id = stage.service.act("wait@1:60")
    shown(page, task_id, "running")
    click(page, task_id, "stop")
    shown(page, task_id, "failed")
    shown(page, task_id, "stopped")
    click(page, task_id, "retry")
    shown(page, task_id, "completed")
    click(page, task_id, "delete")
    page.until("document.querySelector('#question').open")
    page.click("#question-yes")
    page.until(f"!{row(task_id)}")
    stage.service.refused("GET", f"task/{task_id}", 40401)
    nothing_wrong(page, stage.service)


def test_an_unknown_outcome_is_retried_only_after_a_question(stage: Stage, page: Page) -> None:
    open_page(page, stage.service)
    task_id = stage.service.act("publish", "raise@1:ControlMissing")
    shown(page, task_id, "outcome unknown")
    click(page, task_id, "retry")
    page.until("document.querySelector('#question').open")
    assert "may have been published" in page.run("document.querySelector('#question-text').textContent")
    page.click("#question [value=no]")
    page.until("!document.querySelector('#question').open")
    assert stage.service.task(task_id)["outcome"] == "unknown"
    click(page, task_id, "retry")
    page.click("#question-yes")
    shown(page, task_id, "completed")


def test_the_details_show_journal_and_pictures(stage: Stage, page: Page) -> None:
    stage.phones.fault("upload_fails", serial=stage.second)
    config = {"material_list": [str(stage.video())], "captions": "no luck", "upload_wait_time": 5}
    [task_id] = stage.service.create(serials=[stage.second], script_name="post", script_config=config)
    [task] = stage.service.ended(task_id, seconds=90)
    assert task["artifacts"], task
    open_page(page, stage.service)
    click(page, task_id, "details")
    last = task["steps"][-1]["name"]
    page.until(f"{row(task_id)}.querySelector('.journal')?.innerText.includes({json.dumps(last)})")
    size = page.until(f"{row(task_id)}.querySelector('img')?.naturalWidth")
    assert size > 100
    assert page.run(f"{row(task_id)}.querySelector('img').alt")
    assert page.run(f"{row(task_id)}.querySelector('.toggle').getAttribute('aria-expanded')") == "true"
    click(page, task_id, "details")
    assert page.run(f"{row(task_id)}.querySelector('.details').hidden")
    nothing_wrong(page, stage.service)


def test_a_post_is_made_with_the_form(stage: Stage, page: Page) -> None:
    open_page(page, stage.service)
    video = stage.video()
    page.click("#compose summary")
    page.click("#compose-accounts [value=someone]")
    page.fill("[name=files]", f"\n {video} \n")
    page.fill("[name=captions]", "¡Hola! 你好 <b>🎬</b>")
    page.fill("[name=start_time]", "03:33")
    page.click("#compose-form [type=submit]")
    page.until("!document.querySelector('#compose').open")
    task = stage.service.tasks(source="ui")[0]
    assert (task["username"], task["serial"]) == ("someone", ABSENT)
    assert task["script_config"]["captions"] == "¡Hola! 你好 <b>🎬</b>"
    assert task["script_config"]["material_list"] == [str(video)]
    assert task["start_time"].endswith("03:33:00")
    shown(page, task["id"], "someone")
    page.click("#compose summary")
    page.fill("[name=files]", "/nowhere/clip.mp4")
    page.click("#compose-accounts [value=someone]")
    page.click("#compose-form [type=submit]")
    page.until("document.querySelector('#compose-error').textContent.includes('/nowhere/clip.mp4')")
    assert [entry for entry in page.errors() if "400" not in entry] == []


def test_texts_from_outside_stay_texts(start_bare: StartBare, page: Page) -> None:
    """A name, a caption or a remark is never markup, and no link runs a script."""
    evil = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    service = start_bare()
    config = service.config.read_text(encoding="utf-8").replace('"Absent"', json.dumps(evil))
    service.config.write_text(config, encoding="utf-8")
    wait_for(lambda: service.call("GET", "devices")["devices"][0]["name"] == evil, what="the name")
    task_id = service.act(f"step:{evil}", f"note:{evil}", "raise:StepFailed")
    service.ended(task_id)
    open_page(page, service)
    click(page, task_id, "details")
    page.until(f"{row(task_id)}.querySelector('.journal')?.innerText.includes('<img')")
    page.until("document.querySelector('#phones').innerText.includes('<script>')")
    assert page.run("document.querySelectorAll('main img, main script').length") == 0
    assert page.run("document.title") == "runner"
    assert page.run("[...document.querySelectorAll('a')].every((link) => /^https?:/.test(link.href))")


def test_the_token_is_asked_for_once(start_bare: StartBare, page: Page) -> None:
    service = start_bare(environment={"RUNNER_API_TOKEN": "s3cret"})
    page.open(service.url)

    def answer(token: str) -> None:
        page.until("document.querySelector('#token-dialog')?.open")
        page.fill("#token", token)
        page.click("#token-form [type=submit]")

    answer("wrong")
    page.until("document.querySelector('#token-error').textContent === 'That is not the token.'")
    answer("s3cret")
    page.until("document.querySelector('#connection')?.textContent === 'Live'")
    page.until("document.querySelectorAll('#phones > li').length === 1")
    page.open(f"{service.url}/?again")
    page.until("document.querySelector('#connection')?.textContent === 'Live'")
    assert not page.run("document.querySelector('#token-dialog')?.open")
    assert "s3cret" not in service.log


def test_it_comes_back_after_the_service_was_away(start_bare: StartBare, page: Page) -> None:
    service = start_bare(flags=["--port", str(_free_port())])
    open_page(page, service)
    service.stop()
    page.until("document.querySelector('#connection').textContent.startsWith('Connection lost')")
    service.start()
    page.until("document.querySelector('#connection').textContent === 'Live'", seconds=30)


def _free_port() -> int:
    from runner.virtual.farm import free_ports

    return free_ports(1)[0]


def test_filters_and_pages(start_bare: StartBare, page: Page) -> None:
    service = start_bare()
    ids = [service.later() for _ in range(23)]
    failed = service.act("raise:StepFailed")
    service.ended(failed)
    open_page(page, service)
    count = "document.querySelectorAll('#tasks > li').length"
    page.until(f"{count} === 20")
    page.click("#older")
    page.until(f"{count} === 4")
    page.until(row(ids[0]))
    page.click("[data-action=failed]")
    page.until(f"{count} === 1")
    page.until(row(failed))
    page.until("document.querySelector('[data-action=failed]').getAttribute('aria-pressed') === 'true'")
    assert page.run("document.querySelector('#pages').hidden")


def test_it_works_by_keyboard(stage: Stage, page: Page) -> None:
    """Tab reaches every control in order, Enter uses it, and the focus survives a live update."""
    task_id = stage.service.act("wait@1:60")
    stage.service.until(task_id, "running")
    open_page(page, stage.service)
    page.until(row(task_id))
    reached: list[Any] = []
    for _ in range(80):
        page.press("Tab", 9)
        reached.append(page.run("document.activeElement.dataset.action ?? document.activeElement.id"))
        inside = page.run(f"{row(task_id)}?.contains(document.activeElement)")
        if inside and reached[-1] == "stop":
            break
    assert reached[-1] == "stop", reached
    page.press("Enter", 13)
    shown(page, task_id, "stopped")


@pytest.mark.parametrize(("width", "height"), [(360, 740), (768, 1024), (1280, 800)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen(
    stage: Stage, page: Page, tmp_path: Path, width: int, height: int, scheme: str
) -> None:
    page.size(width, height, mobile=width < 500)
    page.scheme(scheme)
    stage.service.ended(stage.service.act("step:a-rather-long-name-of-a-step", "raise:StepFailed"))
    open_page(page, stage.service)
    page.until("document.querySelectorAll('#tasks > li').length > 0")
    page.click("#compose summary")
    assert page.run("document.documentElement.scrollWidth") <= width
    page.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 5_000
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(245, 246, 248)", "dark": "rgb(16, 18, 22)"}[scheme]


def test_every_text_has_enough_contrast(stage: Stage, page: Page) -> None:
    """WCAG AA, 4.5 to 1, for the colours as the browser computes them, in both schemes."""
    script = """
    (() => {
      const parse = (text) => text.match(/[\\d.]+/g).map(Number);
      const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
      const backdrop = (element) => {
        for (let node = element; node; node = node.parentElement) {
          const colour = parse(getComputedStyle(node).backgroundColor);
          if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
      };
      const poor = [];
      for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!own || !element.checkVisibility() || element.disabled) continue;
        const [a, b] = [luminance(parse(getComputedStyle(element).color)), luminance(backdrop(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
      }
      return poor;
    })()
    """
    for task_id in (stage.service.act(), stage.service.act("raise:StepFailed"), stage.service.later()):
        if stage.service.task(task_id)["status_text"] != "pending":
            stage.service.ended(task_id)
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        open_page(page, stage.service)
        page.until("document.querySelectorAll('#tasks > li').length > 2")
        assert page.run(script) == [], scheme


def test_the_documentation_needs_nothing_from_elsewhere(stage: Stage, page: Page) -> None:
    page.open(f"{stage.service.url}/docs")
    page.until("document.querySelectorAll('#calls details').length > 10")
    page.run("for (const call of document.querySelectorAll('#calls details')) call.open = true")
    text = page.text()
    for expected in ("POST /api/v1/task", "enable_multi_account", "¡Mira mi nuevo video!", "retry-all"):
        assert expected in text
    nothing_wrong(page, stage.service)
