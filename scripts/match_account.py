"""The match_account script: finds the accounts that are logged in on a phone, as far as the apps list them.

The runner remembers them; `runner accounts propose` writes them into devices.yaml. An app that is not
installed is left out.
"""

from __future__ import annotations

from pydantic import Field

from runner.errors import AppMissing
from runner.farm.model import PACKAGES
from runner.phones.accounts import APPS, Accounts
from runner.phones.walk import Driven, Walk
from runner.script import Account, Context, Result, Script, ScriptConfig

USUAL = (*PACKAGES.values(), "com.ss.android.ugc.trill")


class MatchAccountConfig(ScriptConfig):
    packages: list[str] = Field(
        [],
        description='The apps to look into; one with "instagram" in its name is Instagram, any other TikTok. '
        f"Default: those of {', '.join(USUAL)} that are installed.",
    )


class MatchAccount(Script[MatchAccountConfig]):
    name = "match_account"
    description = "Find the accounts that are logged in on a phone."
    Config = MatchAccountConfig
    steps = APPS

    def time_limit(self, config: MatchAccountConfig) -> float:
        return 180.0 * len(config.packages or USUAL)

    def run(self, context: Context[MatchAccountConfig]) -> Result:
        found: list[Account] = []
        said = []
        for package in context.config.packages or USUAL:
            try:
                version = context.phone.app_version(package)
            except AppMissing:
                if context.config.packages:
                    raise
                continue
            app = "instagram" if "instagram" in package else "tiktok"
            driven = Driven(app, package, version, context.phone.info.language)
            names = self._names(context, driven)
            found += [Account(name, app, package) for name in names]
            said.append(f"{package}: {', '.join(f'@{name}' for name in names) or 'no account'}")
        return Result("; ".join(said) or "None of the apps is installed.", found=tuple(found))

    def _names(self, context: Context[MatchAccountConfig], driven: Driven) -> list[str]:
        walk = Walk(context, driven)
        with context.step(driven.app, detail=driven.package):
            context.phone.launch(driven.package)
            names = Accounts(walk).all()
            context.phone.press("home")
        return names
