"""An operator's files: what they change, what is told when they are wrong, and that no restart is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.errors import ConfigError
from runner.phones.hierarchy import Hierarchy
from runner.phones.screens import Catalog, Kind, Seen
from runner.phones.screens import catalog as catalog_module
from support.dumps import DUMPS


def look(catalog: Catalog, old: str = "", new: str = "", name: str = "tiktok/tt43_en_post_page") -> Seen:
    xml = (DUMPS / f"{name}.xml").read_text("utf-8")
    return catalog.recognise(Hierarchy.parse(xml.replace(old, new) if old else xml))


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, "utf-8")
    # Written within one tick of the clock, two files may carry the same time.
    stamp = path.stat().st_mtime_ns + 1_000_000 * (1 + len(text))
    os.utime(path, ns=(stamp, stamp))
    return path


@pytest.fixture(autouse=True)
def looks_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "_LOOK_AGAIN_SECONDS", 0.0)


def test_one_line_repairs_a_changed_label_without_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "screens"
    catalog = Catalog.load(folder)
    assert look(catalog, 'text="Post"', 'text="Publish it"').control("publish") is None
    write(folder, "words: {en: {post: [Post, Publish it]}}\n")
    assert look(catalog, 'text="Post"', 'text="Publish it"').point("publish") == (799, 2242)
    assert look(catalog).point("publish") == (799, 2242)


def test_a_language_is_a_row_of_the_table(tmp_path: Path) -> None:
    write(tmp_path / "screens", "words:\n  de: {post: Posten}\n")
    catalog = Catalog.load(tmp_path / "screens")
    assert catalog.knows_language("de-AT")
    assert look(catalog, 'text="Post"', 'text="Posten"').point("publish") == (799, 2242)


def test_a_control_is_replaced_and_its_neighbours_stay(tmp_path: Path) -> None:
    write(
        tmp_path / "screens",
        "app: tiktok\nscreens:\n  post_page:\n    controls:\n      publish: {label: Drafts}\n",
    )
    seen = look(Catalog.load(tmp_path / "screens"))
    assert seen.point("publish") == (280, 2242)
    assert seen.point("description") == (540, 875)


def test_a_new_popup_is_asked_for_first_and_a_new_screen_last(tmp_path: Path) -> None:
    write(
        tmp_path / "screens",
        """
        app: tiktok
        screens:
          survey:
            kind: popup
            when: {label: "Everyone can view this post"}
            controls: {skip: {label: Drafts}}
            leave: [skip, back]
          page_of_mine:
            kind: step
            when: {label: Cover}
        """,
    )
    seen = look(Catalog.load(tmp_path / "screens"))
    assert (seen.screen, seen.kind) == ("survey", Kind.POPUP)
    assert next(seen.ways_out()) == ("skip", (280, 2242))


def test_a_new_screen_can_be_put_before_another(tmp_path: Path) -> None:
    write(
        tmp_path / "screens",
        "app: tiktok\nscreens:\n  mine: {kind: step, when: {label: Cover}, before: post_page}\n",
    )
    assert look(Catalog.load(tmp_path / "screens")).screen == "mine"


def test_every_problem_is_reported_with_its_place(tmp_path: Path) -> None:
    path = write(
        tmp_path / "screens",
        """app: tiktok
screens:
  post_page:
    controls:
      publish: {wrd: post}
      drafts: {word: post}
  other:
    kind: stepp
    when: {label: x}
""",
    )
    with pytest.raises(ConfigError) as caught:
        Catalog.load(tmp_path / "screens")
    problems = {(problem.line, problem.message) for problem in caught.value.problems}
    lines = {line for line, _ in problems}
    assert lines == {5, 8}
    assert all(problem.path == str(path) for problem in caught.value.problems)
    assert "word" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("app: tiktok\nscreens:\n  post_page:\n    when:\n      - {word: psot}\n", 5, 'did you mean "post"'),
        ("app: tiktok\nnever: [psot]\n", 2, 'did you mean "post"'),
        ("app: tiktok\nscreens:\n  post_page:\n    leave: [nowhere]\n", 4, "no control of that name"),
        ("app: tiktok\nscreens:\n  mine:\n    kind: step\n", 3, "it needs kind and when"),
        ("app: tiktok\nscreens:\n  mine: {kind: step, when: {matches: '('}}\n", 3, "regular expression"),
        (
            "app: tiktok\nscreens:\n  mine: {kind: step, when: {id: x, versions: new}}\n",
            3,
            "range of versions",
        ),
        ("app: [tiktok\n", 2, "not valid YAML"),
    ],
)
def test_a_mistake_names_line_and_remedy(tmp_path: Path, text: str, line: int, says: str) -> None:
    write(tmp_path / "screens", text)
    with pytest.raises(ConfigError) as caught:
        Catalog.load(tmp_path / "screens")
    [problem] = caught.value.problems
    assert problem.line == line
    assert says in problem.message


def test_a_broken_change_leaves_the_last_good_state(tmp_path: Path) -> None:
    folder = tmp_path / "screens"
    write(folder, "words: {en: {post: Publish it}}\n")
    catalog = Catalog.load(folder)
    write(folder, "words: {en: {post: [\n")
    assert look(catalog, 'text="Post"', 'text="Publish it"').control("publish") is not None
    write(folder, "words: {en: {post: Send it}}\n")
    assert look(catalog, 'text="Post"', 'text="Send it"').control("publish") is not None


def test_a_removed_file_takes_its_changes_along(tmp_path: Path) -> None:
    folder = tmp_path / "screens"
    path = write(folder, "words: {en: {post: Publish it}}\n")
    catalog = Catalog.load(folder)
    assert look(catalog).control("publish") is None
    path.unlink()
    assert look(catalog).control("publish") is not None


def test_an_id_counts_only_in_its_versions(tmp_path: Path) -> None:
    write(
        tmp_path / "screens",
        "app: tiktok\nscreens:\n  post_page:\n    controls:\n"
        '      publish: {id: qrb, versions: ">=43 <44.1"}\n',
    )
    catalog = Catalog.load(tmp_path / "screens")
    hierarchy = Hierarchy.parse((DUMPS / "tiktok/tt43_en_post_page.xml").read_bytes())
    found = {
        version: catalog.recognise(hierarchy, version=version).control("publish") is not None
        for version in ("", "42.9", "43.1.4", "44.0.9", "44.1", "44.1.2")
    }
    assert found == {
        "": False,
        "42.9": False,
        "43.1.4": True,
        "44.0.9": True,
        "44.1": False,
        "44.1.2": False,
    }
