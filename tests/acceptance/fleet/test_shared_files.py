"""Two hosts with `files: shared`: nothing travels but by the folders that both have."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from support.fleet import Fleet
from support.media import files
from support.service import config_of
from support.virtual import LEAKS_SOCKETS, StartPhones

pytestmark = [LEAKS_SOCKETS]


def test_hosts_share_library_and_screenshots(fleet: Fleet, start_phones: StartPhones, tmp_path: Path) -> None:
    library = tmp_path / "library"
    more = f"fleet: {{files: shared}}\nmaterials: {{dir: '{library.as_posix()}'}}"
    phones = start_phones(count=2, accounts=1)
    api = fleet.api(config_of(phones, more=more, host_of=dict.fromkeys(phones.serials, "desk")))

    desk = fleet.worker("desk", start=False)
    artifacts = desk.data_dir / "artifacts"
    artifacts.mkdir(parents=True)
    with pytest.raises(AssertionError, match=f"{artifacts} is not the folder that the API host uses"):
        desk.start()
    desk.kill()
    artifacts.rmdir()
    artifacts.symlink_to(api.data_dir / "artifacts", target_is_directory=True)
    desk.start()
    api.phones_ready(*phones.serials)

    [clip] = files(tmp_path, "clip.mp4")
    api.call("POST", "materials/import", json={"paths": [str(clip)]})
    publishes, fails = phones.serials
    phones.fault("upload_fails", serial=fails)
    config = {"captions": "shared"}
    [published] = api.ended(
        *api.create(script_name="post", serials=[publishes], script_config={**config, "materials_tags": ""})
    )
    [failed] = api.ended(*api.post(clip, serials=[fails], config=config), seconds=90)

    assert published["outcome"] == "published", published
    [post] = phones.posts(publishes)
    assert [file["sha256"] for file in post["media"]] == [hashlib.sha256(clip.read_bytes()).hexdigest()]
    assert failed["outcome"] == "refused", failed
    assert {kept["kind"] for kept in failed["artifacts"]} == {"screenshot", "hierarchy"}
    for kept in failed["artifacts"]:
        answer = api.http.get(f"{api.url}{kept['url']}")
        assert (answer.status_code, len(answer.content)) == (200, kept["size"])
    assert not (desk.data_dir / "cache").exists()
    assert not (desk.data_dir / "materials").exists()
