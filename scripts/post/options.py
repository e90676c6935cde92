"""What a TikTok post has beside its texts: the label for AI-generated content and the link to a product.

It knows the pages behind a post page's More options and Add link, none of which a dump shows. Whatever is not
shown to be so ends the run before anything is published.
"""

from __future__ import annotations

from runner.cancel import Deadline
from runner.errors import ControlMissing, StepFailed
from runner.phones.screens import Seen
from runner.phones.screens.matching import fold
from runner.phones.session import PhoneSession
from runner.phones.walk import Walk

SHOWN_SECONDS = 4.0
SCROLLS = 4


class AiLabel:
    """Switches the label on, and believes it when the switch says so."""

    def __init__(self, phone: PhoneSession, walk: Walk) -> None:
        self._phone = phone
        self._walk = walk
        self._tapped = False
        self.is_on = False

    def agree(self, notice: Seen) -> None:
        """To the app's explanation, which comes when the switch is used for the first time."""
        if self._tapped:
            self._phone.tap(notice.point("agree"))
        else:
            self._walk.answer(notice, 0)

    def switch_on(self, options: Seen) -> None:
        """On More options. Raises ControlMissing."""
        for _ in range(SCROLLS):
            if options.screen != "more_options" or options.control("ai_generated_content"):
                break
            width, height = options.hierarchy.size
            self._phone.swipe((width // 2, int(0.7 * height)), (width // 2, int(0.3 * height)), seconds=0.5)
            options = self._walk.look()
        switch = options.need("ai_generated_content")
        if switch.checked:
            self.is_on = True
            self._phone.press("back")
            return
        self._tapped = True
        self._phone.tap(switch)
        deadline, pauses = Deadline(SHOWN_SECONDS), self._walk.pauses()
        while (seen := self._walk.look()).screen == "more_options":
            shown = seen.control("ai_generated_content")
            if shown is not None and shown.checked:
                self.is_on = True
                self._phone.press("back")
                return
            if deadline.passed:
                raise StepFailed("The switch for AI-generated content on more_options does not go on.")
            pauses.pause()


class ProductLink:
    """Links the first of the products that the account may link, and reads it from the post page."""

    def __init__(self, phone: PhoneSession, walk: Walk, *, account: str) -> None:
        self._phone = phone
        self._walk = walk
        self._account = account
        self.name = ""
        """What the link reads; "" until one was chosen."""

    def open(self, page: Seen) -> None:
        """From the post page. Raises ControlMissing when it reads as unlinked though a product was chosen."""
        if self.name:
            raise ControlMissing(f"post_page does not read as linked to {self.name}.")
        self._phone.tap(page.point("add_link"))

    def add(self, products: Seen) -> None:
        """In the list of products. Raises StepFailed when there is none."""
        if products.control("nothing"):
            raise StepFailed(f"@{self._account} has no product that a post could be linked to.")
        button = products.need("add")
        top, bottom = button.bounds.top, button.bounds.bottom
        names = [
            node
            for node in products.all("names")
            if node.bounds.is_left_of(button.bounds) and node.bounds.top < bottom and node.bounds.bottom > top
        ]
        if not names:
            raise ControlMissing("The first product on products has no name.")
        self.name = min(names, key=lambda node: node.bounds.top).text
        self._phone.tap(button)

    def confirm(self, page: Seen) -> None:
        """The words of the link, as the app proposes them."""
        self.name = page.need("name").text
        self._phone.tap(page.point("add"))

    def is_on(self, page: Seen) -> bool:
        """Does the post page read as linked to it?"""
        return bool(self.name) and any(
            fold(self.name) in (fold(node.text), fold(node.description)) for node in page.hierarchy.visible
        )
