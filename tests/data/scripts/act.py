"""A script that does what its configuration says, and writes down what it did: the tests' ground truth.

Each action is `verb:argument`, or `verb@attempt:argument` for one attempt only.
"""

from __future__ import annotations

import builtins
import threading
from contextlib import ExitStack
from pathlib import Path

from pydantic import Field

from runner import errors
from runner.script import Context, Planned, Result, Script, ScriptConfig

_writing = threading.Lock()


class ActConfig(ScriptConfig):
    do: list[str] = Field(default_factory=list)
    log: str
    seconds: float = 900
    refuse: str = ""


class Act(Script[ActConfig]):
    name = "act"
    Config = ActConfig
    steps = ("prepare", "caption", "publish", "proof")
    needs_phone = False

    def check(self, config: ActConfig, planned: Planned) -> None:
        if planned.serial == config.refuse:
            raise errors.InvalidRequest("refuse: not on this phone.", field="refuse", value=planned.serial)

    def time_limit(self, config: ActConfig) -> float:
        return config.seconds

    def run(self, context: Context[ActConfig]) -> Result:
        tell(context, "begin")
        with ExitStack() as open_steps:
            for action in context.config.do:
                verb, _, argument = action.partition(":")
                verb, _, attempt = verb.partition("@")
                if attempt and int(attempt) != context.attempt:
                    continue
                if verb == "step":
                    open_steps.close()
                    open_steps.enter_context(context.step(argument))
                    tell(context, f"step {argument}")
                elif verb == "publish":
                    context.publish(lambda: self.tap(context))
                elif verb == "look":
                    tell(context, f"saw {context.phone.hierarchy().packages}")
                elif verb == "wait":
                    context.cancel.sleep(float(argument))
                elif verb == "note":
                    context.note(argument, colour="red")
                elif verb == "raise":
                    kind = getattr(errors, argument, None) or getattr(builtins, argument)
                    raise kind("as asked")
                else:
                    raise ValueError(f"unknown action {action}")
        tell(context, "end")
        return Result(
            remark="done", post_url="https://example.invalid/p/1", evidence={"path": context.work_dir}
        )

    def tap(self, context: Context[ActConfig]) -> None:
        tell(context, "published")


class ActOnPhone(Act):
    """The same with a phone: publishing touches it, and it can look."""

    name = "act_on_phone"
    needs_phone = True

    def tap(self, context: Context[ActConfig]) -> None:
        context.phone.tap_once(540, 300)
        super().tap(context)


def tell(context: Context[ActConfig], what: str) -> None:
    line = f"{context.task_id} {context.attempt} {what}\n"
    with _writing, Path(context.config.log).open("a", encoding="utf-8") as log:
        log.write(line)
