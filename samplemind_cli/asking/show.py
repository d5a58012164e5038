"""What is shown of an answer: its text, rendered on a terminal; the JSON object; where it came from."""

import re
import sys
from collections.abc import AsyncIterable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from samplemind_cli import output
from samplemind_cli.ai import costs
from samplemind_cli.ai.types import Answer, Chunk
from samplemind_cli.asking.addresses import in_one_line
from samplemind_cli.budgets import in_dollars
from samplemind_cli.errors import ProviderError
from samplemind_cli.escapes import harmless, harmless_line, json_text
from samplemind_cli.formats.foreign import Interpreter
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.markdown import Markdown
    from rich.segment import Segment

BLOCK_END = re.compile(r"\n[ \t]*\n")
FENCE = re.compile(r"^ {0,3}(```|~~~)", re.MULTILINE)
# A block may stand in a list, further in; behind backticks that begin one there are no others in its line.
CODE = re.compile(r"^( *)(`{3,}(?=[^`\n]*\n)|~{3,})[^\n]*\n(.*?)(?:^ *\2[`~]*[ \t\r]*$|\Z)", re.MULTILINE | re.DOTALL)
GROWING = "\x00"  # any letter: put behind what may still grow, so that its last blank line ends no block yet


@dataclass(frozen=True, slots=True)
class Style:
    """How to show it. `terminal`: Markdown is rendered, `width` columns wide; otherwise text goes out as it came."""

    json: bool = False
    terminal: bool = False
    seen: bool = False  # stdout is a terminal, Markdown or not
    width: int = 80
    verbose: bool = False
    code: bool = False  # of the text only its first code block
    whole: bool = False  # show nothing before the answer is complete: it has yet to be validated
    settings: Settings | None = None  # says with `verbose` who set the addresses

    def out(self, answer: Answer, latency: str) -> str:
        """All of stdout. `latency` is how many milliseconds this call took."""
        answer = self.interpreter().answer(answer)
        if self.json:
            return _as_json(answer, latency, self._cost(answer))
        if not self.terminal:
            text = code_block(answer) if self.code else _text(answer)
            return _ended(harmless(text) if self.seen else text)
        console = _console(self.width)
        with console.capture() as captured:
            _print(console, blocks(_text(answer)), first=True)
        return captured.get()

    def err(self, answer: Answer, latency: str) -> str:
        """All of stderr that the answer itself accounts for."""
        if not self.verbose:
            return ""
        addresses = in_one_line(self.settings, answer.provider) if self.settings else ""
        cost = self._cost(answer)
        priced = f", {in_dollars(cost)}" if cost else ""
        telling = self.interpreter()
        telling.answer(answer)
        left = harmless_line(f"; left out of the answer: {', '.join(telling.left)}") if telling.left else ""
        return f"{provenance(answer, latency)}{priced}{left}{addresses}\n"

    def interpreter(self) -> Interpreter:
        """What puts into text as much as can be of what only one format has a word for."""
        return Interpreter("", json=self.whole)

    def _cost(self, answer: Answer) -> float | None:
        return costs.dollars(self.settings, answer) if self.settings else None


def provenance(answer: Answer, latency: str) -> str:
    """One line: who answered, whether out of the cache, for how many tokens, how fast, and who did not."""
    usage = answer.usage
    tokens = (
        f"{_count(usage.input_tokens)} in ({_count(usage.cached_tokens)} cached), {_count(usage.output_tokens)} out"
    )
    where = f"cached ({answer.cached})" if answer.cached else "fresh"
    passed = "".join(f"; {route.provider}: {route.skipped}" for route in answer.passed)
    told = harmless_line(f"{answer.provider}/{answer.model}, {where}, tokens: {tokens}")
    return f"{told}, {latency} ms{harmless_line(passed)}"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _as_json(answer: Answer, latency: str, cost: float | None) -> str:
    whole = {
        "text": answer.text,
        "provider": answer.provider,
        "model": answer.model,
        "cached": answer.cached,
        "key": answer.key,
        "finish_reason": answer.finish_reason,
        "usage": asdict(answer.usage),
        "cost": cost,
        "tool_calls": [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in answer.tool_calls
        ],
        "thinking": answer.thinking,
        "passed_over": [{"provider": route.provider, "why": route.skipped} for route in answer.passed],
    }
    return f'{json_text(whole)[:-1]}, "latency_ms": {latency}}}\n'


def _text(answer: Answer) -> str:
    return answer.text or "\n".join(f"{call.name}({call.arguments})" for call in answer.tool_calls)


def code_block(answer: Answer) -> str:
    """The first code block of an answer, without its fences. Raises ProviderError where it holds none."""
    found = CODE.search(answer.text)
    if found is None:
        name = f"{answer.provider}/{answer.model}"
        raise ProviderError(f"the answer of {name} contains no code block", "the same without -x shows it")
    indent = len(found[1])
    return re.sub(rf"^ {{0,{indent}}}", "", found[3], flags=re.MULTILINE) if indent else found[3]


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def blocks(text: str) -> list[str]:
    """Markdown in pieces that can be rendered one by one: cut at blank lines outside of code fences."""
    pieces, start = [], 0
    for gap in BLOCK_END.finditer(text):
        if len(FENCE.findall(text, start, gap.start())) % 2 == 0:
            pieces.append(text[start : gap.end()])
            start = gap.end()
    return [*pieces, text[start:]] if text[start:].strip() else pieces


def grown(growing: str, text: str) -> list[str]:
    """The blocks of what has grown by `text`; the last one, to be given here the next time, may grow on."""
    *done, last = blocks(growing + text + GROWING)
    return [*done, last.removesuffix(GROWING)]


def _print(console: "Console", pieces: list[str], *, first: bool) -> None:
    for piece in pieces:
        if not first:
            console.print()
        console.print(_markdown(piece))
        first = False


def _markdown(piece: str) -> "Markdown":
    from rich.markdown import Markdown

    return Markdown(harmless(piece), hyperlinks=False)


def _console(width: int) -> "Console":
    return output.console(sys.stdout, width=width)


@dataclass(frozen=True, slots=True)
class Growing:
    """A block that is not finished: made into Markdown when it is drawn, not whenever a word has come."""

    text: str

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Segment]":
        """As much of its end as the terminal shows: the newest words."""
        from rich.segment import Segment

        for line in console.render_lines(_markdown(self.text), options, pad=False)[-options.size.height :]:
            yield from line
            yield Segment.line()


def milliseconds(answer: Answer) -> str:
    """A latency as it is shown."""
    return f"{answer.latency_ms:.1f}"


async def stream(chunks: AsyncIterable[Chunk], style: Style) -> Answer:
    """Show an answer as it comes, as far as its style allows."""
    if style.terminal and not (style.json or style.whole):
        answer = await _live(chunks, style)
    else:
        answer = await _plain(chunks, style)
    if told := style.err(answer, milliseconds(answer)):
        output.say(told.rstrip("\n"))
    return answer


async def _plain(chunks: AsyncIterable[Chunk], style: Style) -> Answer:
    at_once = style.json or style.whole
    seen, answer, telling = "", None, style.interpreter()
    async for chunk in chunks:
        answer = chunk.answer
        if (text := _heard(chunk, telling)) and not at_once:
            seen += text
            output.write(output.data(text))
    whole = _whole(answer)
    if at_once:
        output.write(output.Own(style.out(whole, milliseconds(whole))))
    else:
        text = _text(style.interpreter().answer(whole))
        output.write(output.data(_ended(text).removeprefix(seen)))
    return whole


async def _live(chunks: AsyncIterable[Chunk], style: Style) -> Answer:
    """Finished blocks are printed for good; only the last, growing one is drawn again and again."""
    import gc

    from rich.live import Live
    from rich.spinner import Spinner

    gc.enable()  # what was drawn leaves cycles behind
    console = _console(style.width)
    growing, printed, answer, telling = "", 0, None, style.interpreter()
    with Live(Spinner("dots"), console=console, transient=True, refresh_per_second=8) as live:
        async for chunk in chunks:
            answer = chunk.answer
            if text := _heard(chunk, telling):
                *done, growing = grown(growing, text)
                _print(console, done, first=not printed)
                printed += len(done)
                live.update(Growing(growing))
        live.update("")
    whole = style.interpreter().answer(_whole(answer))
    _print(console, blocks(_text(whole))[printed:], first=not printed)
    return _whole(answer)


def _heard(chunk: Chunk, telling: Interpreter) -> str:
    return "".join(each.text for each in telling.chunks(chunk))


def _whole(answer: Answer | None) -> Answer:
    if answer is None:  # a stream ends with its answer or raises
        raise AssertionError
    return answer
