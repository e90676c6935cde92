"""From a file to Share: galleries, editors and the composer.

A reel is picked by one tap; "New post" always has something selected and keeps the order of taps; a story
goes from the camera or the gallery to an editor that shares it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from lxml.etree import _Element

from ...app import MediaRow
from ..posts import Composition, Kind
from ..suggestions import Suggestions
from ..templates import Rect, Sheet, append, clip, hold, new_node, place, remove, shift, write
from . import screens
from .pages import Choice, InstagramPage, Over, lay_over

if TYPE_CHECKING:
    from .app import Instagram

CAPTION_LIMIT = 2200
What = Literal["reel", "post", "story"]
_DESTINATIONS: dict[str, What] = {"dest.feed": "post", "dest.story": "story", "dest.clips": "reel"}


class CreatePage(InstagramPage):
    """A page with the strip of destinations, where the app shows one there."""

    destination = ""

    def dress_strip(self, sheet: Sheet) -> Sheet:
        """The strip has no selected flag before version 410; from then on it has, and LIVE too."""
        if not (self.app.from_410 and sheet.has("dest.feed")):
            return sheet
        if not sheet.has("dest.live"):
            last = sheet.node("dest.clips")
            rect, label = Rect.of(last), self.app.say("LIVE")
            live = new_node(
                last,
                class_name=last.get("class"),
                rect=rect.moved(rect.width, 0),
                resource_id=f"{self.app.package}:id/cam_dest_live",
                text=label,
                content_desc=label,
                clickable=True,
                focusable=True,
                key="dest.live",
            )
            append(last.getparent(), live)
        for key in (*_DESTINATIONS, "dest.live"):
            write(sheet.node(key), selected=key == self.destination)
        return sheet

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "camera":
                self.app.open(Camera(self.app, self.destination))
            case "dest.live":
                self.app.mistakes.append("went live")
                self.app.open(Camera(self.app, key))
            case _ if key in _DESTINATIONS and key != self.destination:
                self.app.create(_DESTINATIONS[key], instead_of=self)


class Camera(CreatePage):
    """The camera. Only the story's has a dump: the others have another destination selected."""

    name = "camera"

    def __init__(self, app: Instagram, destination: str = "dest.story") -> None:
        super().__init__(app)
        self.destination = destination

    def draw(self) -> Sheet:
        return self.dress_strip(self.sheet(screens.STORY_CAMERA))

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "gallery" if self.destination == "dest.story":
                self.app.open(StoryGallery(self.app))
            case "gallery":
                self.back()
            case "shutter":
                self.app.mistakes.append("took a picture")
            case _:
                super().tapped(key, number)


# Galleries


class Gallery(CreatePage):
    """A grid of what MediaStore knows, newest first, behind a cell for the camera."""

    template = screens.REEL_GALLERY

    def __init__(self, app: Instagram) -> None:
        super().__init__(app)
        self.album = ""
        self.first_line = 0

    def rows(self) -> list[MediaRow]:
        return [row for row in self.app.visible_media() if not self.album or row.bucket == self.album]

    def moment(self) -> object:
        return [(row.id, row.date_modified) for row in self.rows()]

    def draw(self) -> Sheet:
        sheet = self.sheet(self.template)
        self.fill_grid(sheet)
        album = self.album or self.app.say("Recents")
        phrase = "Album switcher, {album}, button, double tap to change album"
        sheet.text("album.name", self.app.say(phrase, album=album))
        return self.dress_strip(sheet)

    def fill_grid(self, sheet: Sheet) -> None:
        """The cells of the lines in view. The dumps' grids end with their few cells; here they fill their
        container, which the strip lies over.
        """
        grid = sheet.node("grid")
        frame = Rect.of(grid)
        frame = Rect(frame.left, frame.top, frame.right, Rect.of(sheet.node("box")).bottom)
        place(grid, frame)
        hold(grid)
        camera, cell = Rect.of(sheet.node("camera")), Rect.of(sheet.node("cell"))
        across = cell.left - camera.left
        down = camera.height + across - camera.width
        columns = round(frame.width / across)
        rows = self.rows()
        self.first_line = min(self.first_line, len(rows) // columns)
        first = self.first_line * columns
        lines = math.ceil((frame.bottom - camera.top) / down)
        places = range(max(1, first), min(1 + len(rows), first + lines * columns))
        for at, node in zip(places, sheet.repeat("cell", len(places)), strict=True):
            row = rows[at - 1]
            write(node, number=str(at - 1))
            line, column = divmod(at - first, columns)
            where = camera.moved(column * across, line * down)
            shift(node, where.left - cell.left, where.top - cell.top)
            if row.is_video:
                sheet.text("length", "0:10", node)
            else:
                remove(sheet.node("length", node))
            write(sheet.node("thumbnail", node), content_desc=self.described(row))
            self.dress_cell(sheet, node, row)
            clip(node, frame)
        if first:
            sheet.drop("camera")

    def described(self, row: MediaRow, state: str = "Unselected", **values: object) -> str:
        what = "Video" if row.is_video else "Photo"
        when = self.app.date(datetime.fromtimestamp(row.date_modified, UTC))
        return self.app.say(f"{state} {what} thumbnail created on {{when}}", when=when, **values)

    def dress_cell(self, sheet: Sheet, cell: _Element, row: MediaRow) -> None:
        """What a chosen cell has and others have not."""

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "album":
                self._open_albums()
            case "cell":
                self.picked(self.rows()[number])
            case _:
                super().tapped(key, number)

    def picked(self, row: MediaRow) -> None:
        """A cell was tapped."""

    def _open_albums(self) -> None:
        albums = ["", *dict.fromkeys(row.bucket for row in self.app.visible_media())]

        def chosen(number: int) -> None:
            self.album, self.first_line = albums[number], 0

        labels = [self.app.say("Recents"), *albums[1:]]
        self.app.open(Choice(self.app, self, "albums", "Select album", labels, chosen))

    def swiped(self, dx: int, dy: int) -> None:
        self.first_line = max(0, self.first_line + round(-dy / (self.app.look.height / 7)))


class ReelGallery(Gallery):
    """The gallery "New reel". With drafts the strip is another one, as one of the dumps shows."""

    name = "gallery_reel"
    destination = "dest.clips"

    def draw(self) -> Sheet:
        drafts = self.app.drafts.count(self.app.active)
        self.template = screens.REEL_GALLERY_DRAFTS if drafts else screens.REEL_GALLERY
        sheet = super().draw()
        if drafts:
            sheet.text("drafts", self.app.say("Drafts · {count}", count=drafts))
        return sheet

    def picked(self, row: MediaRow) -> None:
        self.app.edit(ReelEditor(self.app, Composition([row]), "New reel"))


class StoryGallery(Gallery):
    """The gallery "Add to story"."""

    name = "gallery_story"
    template = screens.STORY_GALLERY

    def picked(self, row: MediaRow) -> None:
        self.app.edit(StoryEditor(self.app, Composition([row])))


class PostGallery(Gallery):
    """The gallery "New post": the newest item is selected from the start, another tap selects another, and
    with "Select multiple" the order of taps is the order of the post.
    """

    name = "gallery_post"
    destination = "dest.feed"
    template = screens.POST_GALLERY

    def __init__(self, app: Instagram) -> None:
        super().__init__(app)
        self.multi = False
        self._chosen: list[int] | None = None

    @property
    def chosen(self) -> list[MediaRow]:
        """What is selected now, in the order of taps."""
        rows = self.app.visible_media()
        if self._chosen is None:
            return self.rows()[:1]
        by_id = {row.id: row for row in rows}
        return [by_id[each] for each in self._chosen if each in by_id]

    def draw(self) -> Sheet:
        sheet = super().draw()
        sheet.text("album.name", self.album or self.app.say("Recents"))
        chosen = self.chosen
        if not chosen or not chosen[-1].is_video:
            write(sheet.node("preview"), content_desc="")
        return sheet

    def dress_cell(self, sheet: Sheet, cell: _Element, row: MediaRow) -> None:
        chosen = [each.id for each in self.chosen]
        thumbnail = sheet.node("thumbnail", cell)
        if row.id not in chosen:
            remove(sheet.node("overlay", cell))
        elif self.multi:
            number = chosen.index(row.id) + 1
            described = self.described(row, "Selected media number {number}", number=number)
            write(thumbnail, content_desc=described)
        else:
            write(thumbnail, content_desc=self.described(row, "Selected"))
        if self.multi:
            # Known from public automation code: every cell has one then, selected or not.
            rect = Rect.of(thumbnail)
            size = rect.width // 5
            circle = new_node(
                thumbnail,
                class_name="android.widget.ImageView",
                rect=Rect(rect.right - size, rect.top, rect.right, rect.top + size),
                resource_id=f"{self.app.package}:id/gallery_grid_item_selection_circle",
            )
            append(cell, circle)

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "multi":
                self._toggle_multi()
            case "next" if media := self.chosen:
                self._edit(Composition(media))
            case _:
                super().tapped(key, number)

    def _toggle_multi(self) -> None:
        self.multi = not self.multi
        keeps = self.app.manners.stale_selection if self.multi else bool(self.chosen)
        self._chosen = [row.id for row in self.chosen[-1:]] if keeps else []
        if not self.multi and not self._chosen:
            self._chosen = None

    def picked(self, row: MediaRow) -> None:
        chosen = [each.id for each in self.chosen]
        if not self.multi:
            self._chosen = [row.id]
        elif row.id in chosen:
            self._chosen = [each for each in chosen if each != row.id]
        elif len(chosen) < self.app.most_pictures:
            self._chosen = [*chosen, row.id]

    def _edit(self, composition: Composition) -> None:
        """One video becomes a reel here too, though its composer is called "New post"."""
        if len(composition.media) == 1 and not composition.is_photos:
            self.app.edit(ReelEditor(self.app, composition, "New post"))
        else:
            self.app.edit(PostEditor(self.app, composition))


# Editors


class Editor(InstagramPage):
    """Between picking and sharing. Leaving it asks what becomes of the draft."""

    def __init__(self, app: Instagram, composition: Composition) -> None:
        super().__init__(app)
        self.composition = composition

    def back(self) -> None:
        self.app.open(SaveDraft(self.app, self, self.composition))


class ReelEditor(Editor):
    """The reel editor: Next at the right end, "Edit video" at the left end of the same bar."""

    name = "reel_editor"

    def __init__(self, app: Instagram, composition: Composition, title: str) -> None:
        super().__init__(app, composition)
        self.title = title
        self.hints = app.manners.editor_hints

    def draw(self) -> Sheet:
        return self.sheet(screens.REEL_EDITOR_HINTS if self.hints else screens.REEL_EDITOR)

    def tapped(self, key: str, number: int) -> None:
        self.hints = False
        match key:
            case "cancel":
                self.back()
            case "edit":
                self.app.mistakes.append("edited the video")
            case "next":
                self.app.compose(self.composition, "reel", self.title)


class PostEditor(Editor):
    """Filters for pictures. No dump shows it."""

    name = "post_editor"

    def draw(self) -> Sheet:
        return self.sheet(screens.POST_EDITOR)

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "close":
                self.back()
            case "next":
                self.app.compose(self.composition, "images", "New post")

    def back(self) -> None:
        self.app.close(self)


class StoryEditor(Editor):
    """The middle of its share bar is "Close Friends"; "Your story" is the left part."""

    name = "story_editor"

    def draw(self) -> Sheet:
        return self.sheet(screens.STORY_EDITOR_410 if self.app.from_410 else screens.STORY_EDITOR)

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "cancel":
                self.back()
            case "story" | "close_friends":
                if key == "close_friends":
                    self.app.mistakes.append("shared with close friends only")
                if self.app.reached("after", "edit"):
                    self.app.publish(self.composition, "story")


class SaveDraft(Over):
    """The sheet "Save draft?": the editor's nodes stay in the tree, and the three buttons share one id."""

    name = "save_draft_sheet"
    template = screens.SAVE_DRAFT

    def __init__(self, app: Instagram, editor: Editor, composition: Composition) -> None:
        super().__init__(app, editor)
        self.composition = composition

    def chose(self, key: str, number: int) -> None:
        match key:
            case "start_over":
                self.app.close(self.behind)
            case "save_draft":
                self.app.keep_draft(self.composition)
            case "keep_editing":
                self.back()


# The composer


class Composer(InstagramPage):
    """The share page. While the caption is edited the Share row is gone and "OK" ends that.

    The first reel of an account may find a sheet over it, and "Next" in the place of "Share" behind that.
    """

    name = "composer"
    suggestions: Suggestions

    def __init__(self, app: Instagram, composition: Composition, kind: Kind, title: str) -> None:
        super().__init__(app)
        self.composition = composition
        self.kind = kind
        self.title = title
        self.caption = self.add_field("caption", CAPTION_LIMIT)
        self.caption.text = composition.caption
        self.suggestions = Suggestions(self, "caption")
        self.nux = kind == "reel" and app.manners.download_nux
        self.scrolled = False
        self._captioned = False

    def draw(self) -> Sheet:
        if self.focus:
            sheet = self.sheet(screens.COMPOSER_EDITING)
            write(sheet.node("caption"), focused=True)
        else:
            sheet = self.sheet(screens.COMPOSER_SCROLLED if self.scrolled else screens.COMPOSER)
            if self.scrolled:
                sheet.text("threads.name", self.app.active or "")
            if self.nux:
                label = self.app.say("Next")
                write(sheet.node("share"), content_desc=label)
                sheet.text("share.label", label)
        title = self.app.say(self.title)
        write(sheet.node("title"), text=title, content_desc=title)
        hint = self.app.say("Write a caption and add hashtags…")
        sheet.text("caption", self.caption.text or hint)
        if sheet.has("ai.toggle"):
            write(sheet.node("ai.toggle"), checked=self.composition.ai_label)
        if self.kind == "images":
            # No dump shows the page of a post of pictures: a reel's without what pictures have not.
            sheet.drop("audio", "cover")
        self.suggestions.draw_on(sheet)
        return lay_over(sheet, self.sheet(screens.DOWNLOAD_NUX)) if self.nux else sheet

    def typed(self, key: str) -> None:
        self.composition.caption = self.caption.text
        self.scrolled = True
        if not self._captioned and self.caption.text:
            self._captioned = True
            self.app.reached("after", "caption")
        self.suggestions.typed()

    def tapped(self, key: str, number: int) -> None:
        match key:
            case "continue":
                self.nux = self.app.manners.download_nux = False
            case "settings":
                self.app.mistakes.append("opened the settings")
            case "dim":
                self.back()
            case "caption":
                self.scrolled = True
            case "hashtags":
                self.focus = "caption"
                self.caption.replace(self.caption.text + "#")
            case "ok":
                self.focus = None
            case "back":
                self.focus = None
                self.back()
            case "ai":
                self.composition.ai_label = not self.composition.ai_label
            case "threads":
                self.app.mistakes.append("shared on Threads")
            case "draft" | "bar":
                # The bar spans both buttons and is clickable: what a tap between them does is in no dump.
                self.app.keep_draft(self.composition)
            case "share":
                self.app.publish(self.composition, self.kind)

    def swiped(self, dx: int, dy: int) -> None:
        self.scrolled = dy < 0

    def back(self) -> None:
        if self.nux:
            self.nux = self.app.manners.download_nux = False
        else:
            self.app.close(self)
