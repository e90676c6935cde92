"""The operator's choices for materials: section `materials` of devices.yaml.

The apps' limits stand here as settings because most of what is known of them comes from the platforms' APIs,
and the apps may differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from runner.errors import MediaUnusable
from runner.materials.media import Media

MB = 2**20


class MediaLimits(BaseModel):
    """What one app takes. 0: no limit is known, so nothing is refused."""

    model_config = ConfigDict(extra="forbid")

    video_max_mb: int = Field(default=0, ge=0, description="Largest video, in MiB; 0: any.")
    video_max_seconds: float = Field(default=0, ge=0, description="Longest video; 0: any.")
    image_max_mb: int = Field(default=0, ge=0, description="Largest image, in MiB; 0: any.")
    images_max: int = Field(default=0, ge=0, description="Most images in one post; 0: any number.")
    min_side: int = Field(default=0, ge=0, description="Pixels that width and height must have; 0: any.")
    max_side: int = Field(default=0, ge=0, description="Pixels that neither side may exceed; 0: any.")
    video_min_side: int = Field(default=0, ge=0, description="The same as min_side, of videos only.")
    video_max_side: int = Field(default=0, ge=0, description="The same as max_side, of videos only.")

    def broken_by(self, media: Media) -> str:
        """Which limit the file breaks, "" for none. What is not known of a file breaks no limit."""
        most = self.video_max_mb if media.kind == "video" else self.image_max_mb
        if most and media.size > most * MB:
            return f"{media.size / MB:,.1f} MiB, and the limit is {most}"
        if (
            media.kind == "video"
            and self.video_max_seconds
            and (media.duration or 0) > self.video_max_seconds
        ):
            return f"{media.duration:.0f} s long, and the limit is {self.video_max_seconds:g}"
        if media.width and media.height:
            shorter, longer = sorted((media.width, media.height))
            resolution = f"{media.width} × {media.height} pixels"
            for least, largest in self._sides(media.kind):
                if shorter < least:
                    return f"{resolution}, and each side must have {least}"
                if largest and longer > largest:
                    return f"{resolution}, and the limit is {largest} a side"
        return ""

    def _sides(self, kind: str) -> Iterator[tuple[int, int]]:
        yield self.min_side, self.max_side
        if kind == "video":
            yield self.video_min_side, self.video_max_side


class TikTokLimits(MediaLimits):
    """Source: the media transfer guide of TikTok's Content Posting API.

    Not its 1080 pixels for pictures: a phone's own photographs are larger, and the app takes them.
    """

    video_max_mb: int = Field(default=4096, ge=0, description="Largest video, in MiB; 0: any.")
    video_max_seconds: float = Field(default=600, ge=0, description="Longest video; 0: any.")
    image_max_mb: int = Field(default=20, ge=0, description="Largest image, in MiB; 0: any.")
    images_max: int = Field(default=35, ge=0, description="Most images in one post; 0: any number.")
    video_min_side: int = Field(default=360, ge=0, description="The same as min_side, of videos only.")
    video_max_side: int = Field(default=4096, ge=0, description="The same as max_side, of videos only.")


class InstagramLimits(MediaLimits):
    images_max: int = Field(default=20, ge=0, description="Most images in one post; 0: any number.")


class MaterialSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    dir: str = Field(
        default="",
        description="Where the library keeps its files. Default: materials in the data directory. "
        "Runners on several hosts need one folder that all of them reach.",
    )
    max_upload_mb: int = Field(default=4096, ge=1, description="A larger upload is refused.")
    roots: list[str] = Field(
        default=[],
        description="Folders that files named in requests must lie in. Default: anywhere on this computer.",
    )
    tiktok: TikTokLimits = Field(default=TikTokLimits(), description="What TikTok takes.")
    instagram: InstagramLimits = Field(default=InstagramLimits(), description="What Instagram takes.")

    def limits(self, app: str) -> MediaLimits:
        """Those of the app; of an app that is not known, none."""
        match app:
            case "tiktok":
                return self.tiktok
            case "instagram":
                return self.instagram
            case _:
                return MediaLimits()

    def inside(self, name: str) -> Path:
        """The canonical path of a file or folder that a request names.

        Raises MediaUnusable for one that is outside the allowed folders.
        """
        try:
            path = Path(name).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a link to itself, no home, a NUL
            raise MediaUnusable(f"{name}: {error}.") from None
        roots = [Path(root).expanduser().resolve() for root in self.roots]
        if roots and not any(path.is_relative_to(root) for root in roots):
            raise MediaUnusable(
                f"{name} is outside the folders that the runner may read.",
                remedy=f"Allowed (materials.roots): {', '.join(self.roots)}.",
            )
        return path
