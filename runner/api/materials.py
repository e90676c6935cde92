"""/api/v1/materials and /api/v1/tags: the library's files, what is said about them, and who has them.

An upload is the request's body as it is, not a form; it goes to disk while it comes.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from runner.api.envelope import Envelope
from runner.api.shapes import Body
from runner.api.tasks import LARGEST_ID
from runner.errors import InvalidRequest, NotFound
from runner.materials.library import CHUNK, Library, checked, clean_tags
from runner.materials.types import Added, Changes, Details, Filter, Item, State

if TYPE_CHECKING:
    from runner.service import Service

SortNumber = Annotated[int, Field(ge=-LARGEST_ID, le=LARGEST_ID)]


class MaterialItem(BaseModel):
    id: int
    source: str = Field(description="`library`, or `folder` for a local file that a task has looked at.")
    name: str
    path: str = Field(description="Of a local file.")
    kind: str = Field(description="`video` or `image`.")
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    duration: float | None = Field(description="Seconds; null where it is not known.")
    width: int | None
    height: int | None
    tags: list[str]
    caption: str = Field(description="Wins over the task's, literally.")
    username: str = Field(description="The account that it is for; empty: any.")
    sort_number: int | None
    state: State = Field(
        description="`claimed`: a task that has not ended has it. `used`: never picked again."
    )
    task_id: int | None = Field(description="Who has it or used it; of an unused one, who released it last.")
    taken_at: str | None
    created_at: str
    file_url: str
    thumbnail_url: str


class MaterialList(BaseModel):
    materials: list[MaterialItem]
    total: int
    page: int
    page_size: int


class AddedMaterial(BaseModel):
    material: MaterialItem
    created: bool = Field(description="false: the library had this content already, and nothing was changed.")


class RefusedFile(BaseModel):
    path: str
    reason: str


class ImportedMaterials(BaseModel):
    materials: list[AddedMaterial]
    refused: list[RefusedFile]
    created_count: int


class DeletedMaterial(BaseModel):
    deleted: int


class TagItem(BaseModel):
    tag: str
    materials: int
    unused: int


class TagList(BaseModel):
    tags: list[TagItem]


class DroppedTag(BaseModel):
    tag: str
    materials: int = Field(description="How many files had it.")


class PathsToImport(Body):
    paths: list[str] = Field(
        min_length=1,
        max_length=10_000,
        description="Files and folders on the runner's computer. A folder's `@username` folders go to those "
        "accounts, and a name like `sort_3_clip.mp4` gives the sort number.",
        examples=[["C:/Videos/spring"]],
    )
    way: Literal["copy", "link"] = Field(
        default="copy",
        description="`link`: a hard link, which takes no room; don't edit the file afterwards.",
    )
    tags: list[str] = Field(default=[])
    caption: str = ""
    username: str = Field(default="", description="The account that they are for; empty: any.")
    sort_number: SortNumber | None = None


class MaterialChanges(Body):
    """What is left out stays as it is."""

    tags: list[str] | None = Field(default=None, description="All of its tags from now on.")
    add_tags: list[str] = Field(default=[])
    remove_tags: list[str] = Field(default=[])
    caption: str | None = None
    username: str | None = Field(default=None, description='"": for every account.')
    sort_number: SortNumber | None = Field(default=None, description="null takes it away.")


def _material_id(material_id: Annotated[int, Path(examples=[7])]) -> int:
    if not 0 < material_id <= LARGEST_ID:
        raise NotFound(f"There is no material {material_id}.")
    return material_id


MaterialId = Annotated[int, Depends(_material_id)]


def _details(
    tags: Annotated[str, Query(description="Comma-separated.")] = "",
    caption: str = "",
    username: str = "",
    sort_number: Annotated[int | None, Query(ge=-LARGEST_ID, le=LARGEST_ID)] = None,
) -> Details:
    return checked(Details((tags,), caption, username, sort_number))


def _criteria(
    tag: Annotated[str, Query(description="Files with any of these, comma-separated.")] = "",
    kind: Literal["video", "image"] | None = None,
    state: State | None = None,
    username: Annotated[str | None, Query(description="Empty: those for every account.")] = None,
    source: Annotated[
        Literal["library", "folder"], Query(description="`folder`: local files that tasks have looked at.")
    ] = "library",
    page: Annotated[int, Query(ge=1, le=LARGEST_ID)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Filter:
    name = None if username is None else username.removeprefix("@").casefold()
    return Filter(source, clean_tags([tag]), kind, state, name, page, page_size)


def routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/materials", tags=["materials"])
    library = service.materials.library

    def shown(item: Item) -> MaterialItem:
        return _item(item, service.farm.farm.time_zone)

    def told(added: Added) -> AddedMaterial:
        return AddedMaterial(material=shown(added.item), created=added.created)

    @router.post(
        "",
        summary="Upload a file",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def upload(
        request: Request,
        filename: Annotated[str, Query(pattern=r"^[^\x00]+$", examples=["clip.mp4"])],
        details: Annotated[Details, Depends(_details)],
    ) -> Envelope[AddedMaterial]:
        """The body is the file itself. A content that the library has is answered with what is there."""
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise InvalidRequest("Send the file itself as the body, not a form.", field="Content-Type")
        added = await _received(request, library, PureWindowsPath(filename).name or filename, details)
        return Envelope(data=told(added))

    @router.post("/import", summary="Import files and folders of the runner's computer")
    def import_paths(body: PathsToImport) -> Envelope[ImportedMaterials]:
        """A file that can't be used is told and spoils no other."""
        details = Details(tuple(body.tags), body.caption, body.username, body.sort_number)
        done = library.add_paths(body.paths, body.way, details)
        return Envelope(
            data=ImportedMaterials(
                materials=[told(added) for added in done.added],
                refused=[RefusedFile(path=str(one.path), reason=one.why) for one in done.refused],
                created_count=sum(added.created for added in done.added),
            )
        )

    @router.get("", summary="List files, newest first")
    def list_materials(criteria: Annotated[Filter, Depends(_criteria)]) -> Envelope[MaterialList]:
        page = library.list(criteria)
        items = [shown(item) for item in page.items]
        return Envelope(
            data=MaterialList(materials=items, total=page.total, page=page.page, page_size=page.page_size)
        )

    @router.get("/{material_id}", summary="Show one file")
    def show(material_id: MaterialId) -> Envelope[MaterialItem]:
        return Envelope(data=shown(library.item(material_id)))

    @router.patch("/{material_id}", summary="Change tags, caption, username, sort number")
    def edit(material_id: MaterialId, body: MaterialChanges) -> Envelope[MaterialItem]:
        changes = Changes(
            tags=None if body.tags is None else tuple(body.tags),
            add_tags=tuple(body.add_tags),
            remove_tags=tuple(body.remove_tags),
            caption=body.caption,
            username=body.username,
            sort_number=body.sort_number,
            clear_sort_number="sort_number" in body.model_fields_set and body.sort_number is None,
        )
        return Envelope(data=shown(library.edit(material_id, changes)))

    @router.delete("/{material_id}", summary="Delete a file")
    def delete(material_id: MaterialId) -> Envelope[DeletedMaterial]:
        """Not while a task has it."""
        return Envelope(data=DeletedMaterial(deleted=library.delete(material_id).id))

    @router.get("/{material_id}/file", summary="Get the file")
    def file(material_id: MaterialId) -> FileResponse:
        item = library.item(material_id)
        if not library.holds(item):
            raise NotFound(f"The file of material {material_id} is not on this computer.")
        return FileResponse(library.path(item), media_type=item.media_type, filename=item.name)

    @router.get("/{material_id}/thumbnail", summary="Get a small JPEG")
    def thumbnail(material_id: MaterialId) -> FileResponse:
        return FileResponse(library.thumbnail(material_id), media_type="image/jpeg")

    return router


def tag_routes(service: Service) -> APIRouter:
    router = APIRouter(prefix="/tags", tags=["materials"])
    library = service.materials.library

    @router.get("", summary="List the tags of the library's files")
    def list_tags() -> Envelope[TagList]:
        tags = [TagItem(tag=tag.name, materials=tag.materials, unused=tag.unused) for tag in library.tags()]
        return Envelope(data=TagList(tags=tags))

    @router.delete("/{tag:path}", summary="Take a tag off every file")
    def drop(tag: str) -> Envelope[DroppedTag]:
        return Envelope(data=DroppedTag(tag=tag, materials=library.drop_tag(tag)))

    return router


async def _received(request: Request, library: Library, name: str, details: Details) -> Added:
    """Write the body to disk, in pieces that are worth a thread's time."""
    with library.receiving() as incoming:
        piece = bytearray()
        try:
            async for part in request.stream():
                piece += part
                if len(piece) >= CHUNK:
                    await run_in_threadpool(incoming.write, bytes(piece))
                    piece.clear()
        except ClientDisconnect:
            raise InvalidRequest("The upload broke off.", field="body") from None
        await run_in_threadpool(incoming.write, bytes(piece))
        return await run_in_threadpool(library.keep, incoming, name, details)


def _item(item: Item, zone: ZoneInfo) -> MaterialItem:
    def iso(instant: datetime) -> str:
        return instant.astimezone(zone).isoformat(timespec="seconds")

    url = f"/api/v1/materials/{item.id}"
    return MaterialItem(
        id=item.id,
        source=item.source,
        name=item.name,
        path=item.path,
        kind=item.kind,
        media_type=item.media_type,
        size=item.size,
        sha256=item.sha256,
        duration=item.duration,
        width=item.width,
        height=item.height,
        tags=list(item.tags),
        caption=item.caption,
        username=item.username,
        sort_number=item.sort_number,
        state=item.state,
        task_id=item.task_id,
        taken_at=iso(item.taken_at) if item.taken_at else None,
        created_at=iso(item.created_at),
        file_url=f"{url}/file",
        thumbnail_url=f"{url}/thumbnail",
    )
