"""The post script: publishes a video with its caption to one account, once, and proves that it is there."""

from __future__ import annotations

from runner.errors import WrongAccount
from runner.script import Context, Planned, Result, Script

from .config import PostConfig
from .config import check as check_config
from .content import check as check_content
from .content import choose
from .posting import STEPS
from .tiktok import TikTokPost


class Post(Script[PostConfig]):
    name = "post"
    description = "Publish a video to an account."
    Config = PostConfig
    steps = STEPS
    apps = ("tiktok",)
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
        return TikTokPost(context, context.account, content).run()
