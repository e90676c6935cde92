"""The post script: publishes files and a caption to one account, once, and proves that they are there."""

from __future__ import annotations

from runner.errors import WrongAccount
from runner.script import Context, Planned, Result, Script

from .config import PostConfig
from .config import check as check_config
from .content import check as check_content
from .content import choose
from .instagram import InstagramPost
from .posting import STEPS
from .tiktok import TikTokPost

WAYS: dict[str, type[InstagramPost | TikTokPost]] = {"tiktok": TikTokPost, "instagram": InstagramPost}
"""Through each app's screens."""


class Post(Script[PostConfig]):
    name = "post"
    description = "Publish a video or pictures to an account."
    Config = PostConfig
    steps = STEPS
    apps = tuple(WAYS)
    needs_account = True

    def check(self, config: PostConfig, planned: Planned) -> None:
        check_config(config, planned)
        check_content(config, planned)

    def time_limit(self, config: PostConfig) -> float:
        return 900.0 + config.upload_wait_time

    def run(self, context: Context[PostConfig]) -> Result:
        if context.account is None:
            raise WrongAccount("The task names no account.")
        content = choose(context, context.account)
        return WAYS[context.account.app](context, context.account, content).run()
