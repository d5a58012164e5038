"""Shows an answer: its text, rendered on a terminal; or a JSON object; and its provenance."""

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
# A block may be indented, in a list; no backticks follow those that begin it in the same line.
# Possessive, so that a long row of tildes takes no longer than its length.
CODE = re.compile(
    r"^( *+)(`{3,}+(?=[^`\n]*\n)|~{3,}+)[^\n]*\n(.*?)(?:^ *\2[`~]*[ \t\r]*$|\Z)", re.MULTILINE | re.DOTALL
)
GROWING = "\x00"  # any letter: appended to unfinished text, so that a blank line at its end does not end a block yet


@dataclass(frozen=True, slots=True)
class Style:
    """How to show an answer. `terminal`: Markdown is rendered, `width` columns wide; else the text is unchanged."""

    json: bool = False
    terminal: bool = False
    seen: bool = False  # stdout is a terminal, Markdown or not
    width: int = 80
    verbose: bool = False
    code: bool = False  # print only the first code block
    whole: bool = False  # show nothing before the answer is complete, as it must be validated first
    settings: Settings | None = None  # for costs, and with `verbose` for addresses

    def out(self, answer: Answer, latency: str) -> str:
        """What is printed to stdout. `latency`: the milliseconds that this call took."""
        answer = self.interpreter().answer(answer)
        if self.json:
            return _as_json(answer, latency, self._cost(answer))
        if not self.terminal:
            text = code_block(answer) if self.code else _text(answer)
            return _with_newline(harmless(text) if self.seen else text)
        console = _console(self.width)
        with console.capture() as captured:
            _print(console, blocks(_text(answer)), first=True)
        return captured.get()

    def err(self, answer: Answer, latency: str) -> str:
        """What is printed to stderr about the answer; "" unless `verbose`."""
        if not self.verbose:
            return ""
        addresses = in_one_line(self.settings, answer.provider) if self.settings else ""
        dollars = self._cost(answer)
        cost = f", {in_dollars(dollars)}" if dollars else ""
        interpreter = self.interpreter()
        interpreter.answer(answer)
        left = harmless_line(f"; left out of the answer: {', '.join(interpreter.left)}") if interpreter.left else ""
        return f"{provenance(answer, latency)}{cost}{left}{addresses}\n"

    def interpreter(self) -> Interpreter:
        """Turns parts that only one format has into text, as far as possible."""
        return Interpreter("", json=self.whole)

    def _cost(self, answer: Answer) -> float | None:
        return costs.dollars(self.settings, answer) if self.settings else None


def provenance(answer: Answer, latency: str) -> str:
    """One line: provider and model, cached or fresh, tokens, milliseconds, and the routes passed over."""
    usage = answer.usage
    counts = (usage.input_tokens, usage.cached_tokens, usage.output_tokens)
    tokens = "{} in ({} cached), {} out".format(*map(_count, counts))
    tier = f"cached ({answer.cached})" if answer.cached else "fresh"
    passed = "".join(f"; {route.provider}: {route.skipped}" for route in answer.passed)
    source = harmless_line(f"{answer.provider}/{answer.model}, {tier}, tokens: {tokens}")
    return f"{source}, {latency} ms{harmless_line(passed)}"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _as_json(answer: Answer, latency: str, cost: float | None) -> str:
    fields = {
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
    return f'{json_text(fields)[:-1]}, "latency_ms": {latency}}}\n'


def _text(answer: Answer) -> str:
    return answer.text or "\n".join(f"{call.name}({call.arguments})" for call in answer.tool_calls)


def code_block(answer: Answer) -> str:
    """The first code block of an answer, without its fences. Raises ProviderError if there is none."""
    block = CODE.search(answer.text)
    if block is None:
        name = f"{answer.provider}/{answer.model}"
        raise ProviderError(f"the answer of {name} contains no code block", "the same without -x shows it")
    indent = len(block[1])
    return re.sub(rf"^ {{0,{indent}}}", "", block[3], flags=re.MULTILINE) if indent else block[3]


def _with_newline(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def blocks(text: str) -> list[str]:
    """Markdown in pieces that can be rendered one by one: split at blank lines outside of code fences."""
    pieces, start = [], 0
    for gap in BLOCK_END.finditer(text):
        if len(FENCE.findall(text, start, gap.start())) % 2 == 0:
            pieces.append(text[start : gap.end()])
            start = gap.end()
    return [*pieces, text[start:]] if text[start:].strip() else pieces


def grown(growing: str, text: str) -> list[str]:
    """The blocks of `growing` and `text`; the last one is unfinished, and the next call's `growing`."""
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
    """An unfinished block, parsed as Markdown only when it is drawn, not at every chunk."""

    text: str

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Segment]":
        """Its last lines, as many as the terminal has."""
        from rich.segment import Segment

        for line in console.render_lines(_markdown(self.text), options, pad=False)[-options.size.height :]:
            yield from line
            yield Segment.line()


def milliseconds(answer: Answer) -> str:
    """An answer's latency for display."""
    return f"{answer.latency_ms:.1f}"


async def stream(chunks: AsyncIterable[Chunk], style: Style) -> Answer:
    """Show an answer while it arrives, if its style allows; returns the complete one."""
    if style.terminal and not (style.json or style.whole):
        answer = await _live(chunks, style)
    else:
        answer = await _plain(chunks, style)
    if provenance_line := style.err(answer, milliseconds(answer)):
        output.say(provenance_line.rstrip("\n"))
    return answer


async def _plain(chunks: AsyncIterable[Chunk], style: Style) -> Answer:
    at_once = style.json or style.whole
    printed, last, interpreter = "", None, style.interpreter()
    async for chunk in chunks:
        last = chunk.answer
        if (text := _chunk_text(chunk, interpreter)) and not at_once:
            printed += text
            output.write(output.data(text))
    answer = _complete(last)
    if at_once:
        output.write(output.Own(style.out(answer, milliseconds(answer))))
    else:
        text = _text(style.interpreter().answer(answer))
        output.write(output.data(_with_newline(text).removeprefix(printed)))
    return answer


async def _live(chunks: AsyncIterable[Chunk], style: Style) -> Answer:
    """Print finished blocks once; only the last, unfinished one is redrawn."""
    import gc

    from rich.live import Live
    from rich.spinner import Spinner

    gc.enable()  # drawing leaves reference cycles behind
    console = _console(style.width)
    growing, printed, last, interpreter = "", 0, None, style.interpreter()
    with Live(Spinner("dots"), console=console, transient=True, refresh_per_second=8) as live:
        async for chunk in chunks:
            last = chunk.answer
            if text := _chunk_text(chunk, interpreter):
                *done, growing = grown(growing, text)
                _print(console, done, first=not printed)
                printed += len(done)
                live.update(Growing(growing))
        live.update("")
    answer = _complete(last)
    _print(console, blocks(_text(style.interpreter().answer(answer)))[printed:], first=not printed)
    return answer


def _chunk_text(chunk: Chunk, interpreter: Interpreter) -> str:
    return "".join(piece.text for piece in interpreter.chunks(chunk))


def _complete(last: Answer | None) -> Answer:
    if last is None:  # a stream ends with its answer or raises
        raise AssertionError
    return last
