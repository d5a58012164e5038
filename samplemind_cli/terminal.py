"""A rich console that prints no control codes but its own."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from samplemind_cli.escapes import harmless


class HarmlessConsole(Console):
    """Escapes the text of whatever it renders, and shows no hyperlinks, which could hide their targets."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As in rich: everything printed or drawn live passes here, control codes in segments of their own."""
        for segment in super().render(renderable, options):
            text, style, control = segment
            if control:
                yield segment
            else:
                shown = style.update_link(None) if style and style.link else style
                yield Segment(harmless(text), shown)
