"""/api/v1/license: what the plan of this installation allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from runner.api.envelope import Envelope
from runner.api.shapes import License
from runner.errors import NotLicensed

if TYPE_CHECKING:
    from runner.settings import Settings


def require_api_access(settings: Settings) -> None:
    """Raises NotLicensed for a plan without API access."""
    if settings.api.plan == "Starter":
        raise NotLicensed("The Starter plan has no API access.")


def routes(settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/license", tags=["license"])

    @router.get("/check", summary="Check the licence plan")
    def check() -> Envelope[License]:
        require_api_access(settings)
        plan = settings.api.plan
        return Envelope(
            data=License(
                plan_name=plan,
                api_enabled=True,
                device_limit=settings.api.device_limit,
                message=f"The {plan} plan has API access.",
            )
        )

    return router
