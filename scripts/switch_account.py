"""The switch_account script: makes an account the active one of its app, proves it, and does nothing else."""

from __future__ import annotations

from pydantic import Field

from runner.errors import WrongAccount
from runner.phones.accounts import APPS, Accounts
from runner.phones.walk import Driven, Walk
from runner.script import Context, Result, Script, ScriptConfig


class SwitchAccountConfig(ScriptConfig):
    restart: bool = Field(
        True,
        description="Restart the app first: then it says what it wants of the account. "
        "false leaves an upload that is under way alone.",
    )


class SwitchAccount(Script[SwitchAccountConfig]):
    name = "switch_account"
    description = "Make an account the active one of its app. Clears its state when it can be used again."
    Config = SwitchAccountConfig
    steps = ("account",)
    apps = APPS
    needs_account = True
    proves_account = True

    def time_limit(self, config: SwitchAccountConfig) -> float:
        return 180.0

    def run(self, context: Context[SwitchAccountConfig]) -> Result:
        account = context.account
        if account is None:
            raise WrongAccount("The task names no account.")
        phone = context.phone
        version = phone.app_version(account.package)
        driven = Driven(account.app, account.package, version, phone.info.language)
        walk = Walk(context, driven)
        accounts = Accounts(walk)
        with context.step("account", detail=f"@{account.username}"):
            if context.config.restart:
                phone.force_stop(account.package)
            phone.launch(account.package)
            active = accounts.active(accounts.prove(account.username)).removeprefix("@")
        return Result(f"The active account is @{active}.", proved=(account,))
