"""Tables for people: they fit the terminal, and a pipe gets one line per row with nothing cut."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.text import Text

BETWEEN = 2
"""Spaces between two columns, and before what is below its row."""


@dataclass(frozen=True)
class Column:
    """A column and what becomes of it if the terminal is narrow."""

    name: str
    optional: bool = False
    """Whether it is left out."""
    long: bool = False
    """Whether it goes below its row."""


class Cell(NamedTuple):
    """What a row has in a column."""

    text: Text
    short: Text
    """What a narrow terminal shows."""


class Layout(NamedTuple):
    """Which columns are shown, and where."""

    inline: Sequence[int]
    below: Sequence[int] = ()
    short: bool = True


@dataclass(frozen=True)
class Table:
    """Rows under the names of their columns."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        layouts = list(self._layouts())
        if not console.is_terminal:
            yield from self._lines(layouts[0])
            return
        fitting = (one for one in layouts if self._width(one) <= options.max_width)
        yield from self._lines(next(fitting, layouts[-1]))

    def _layouts(self) -> Iterator[Layout]:
        """Yield the layouts from the widest to the narrowest."""
        every = range(len(self.columns))
        needed = [one for one in every if not self.columns[one].optional]
        long = [one for one in every if self.columns[one].long]
        yield Layout(every, short=False)
        yield Layout(every)
        yield Layout(needed)
        yield Layout([one for one in every if one not in long], long)
        yield Layout([one for one in needed if one not in long], long)

    def _width(self, layout: Layout) -> int:
        widths = self._widths(layout)
        return sum(widths) + BETWEEN * (len(widths) - 1)

    def _widths(self, layout: Layout) -> list[int]:
        return [
            max(len(self.columns[one].name), *(_shown(row[one], layout).cell_len for row in self.rows), 0)
            for one in layout.inline
        ]

    def _lines(self, layout: Layout) -> Iterator[Text | Padding]:
        widths = self._widths(layout)
        yield _line([Text(self.columns[one].name, style="dim") for one in layout.inline], widths)
        for row in self.rows:
            yield _line([_shown(row[one], layout) for one in layout.inline], widths)
            for text in (_shown(row[one], layout) for one in layout.below):
                if text:
                    yield Padding.indent(text, BETWEEN)


def _shown(cell: Cell | Text, layout: Layout) -> Text:
    if isinstance(cell, Text):
        return cell
    return cell.short if layout.short else cell.text


def _line(texts: Sequence[Text], widths: Sequence[int]) -> Text:
    line = Text()
    for text, width in zip(texts, widths, strict=True):
        line.append(text).append(" " * (width - text.cell_len + BETWEEN))
    line.rstrip()
    return line
