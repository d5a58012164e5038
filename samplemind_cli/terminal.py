"""A rich console that prints none but its own control codes."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from samplemind_cli.escapes import harmless


class HarmlessConsole(Console):
    """Whatever is rendered, its text is harmless, and no link hides where it leads."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """See rich; everything that is printed or drawn live passes here, its codes in segments of their own."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control:
                yield segment
            else:
                shown = style.update_link(None) if style and style.link else style
                yield Segment(harmless(text), shown)
