"""Where the boxes of a graph go: in columns from left to right, each behind all that it needs.

Pure.

The method is Sugiyama's: columns by the longest way, places in a column by the
middle of the neighbours, heights as near to the neighbours as the boxes allow.
Everything is linear in boxes and links, and the same input gives the same picture.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from runr.query.backlog import groups

Links = Mapping[str, Sequence[str]]
Point = tuple[float, float]

#: A link across columns gets a lane through each of them. Where that would be more lanes than
#: a reader could follow, only links across few columns do.
_MOST_LANES = 20_000
_FEW = 3

_SWEEPS = 6
_SETTLING = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """Lengths of the picture, in its own unit."""

    width: float = 220
    height: float = 46
    across: float = 64
    down: float = 16
    lane: float = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The upper left corner of each box, and the way of each link from box to box.

    A way has the place where it leaves, where it crosses each column between,
    and where it arrives.
    """

    corners: Mapping[str, Point]
    ways: Mapping[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


def layout_graph(needs: Links, spacing: Spacing) -> Layout:
    """Return where everything goes; what hangs together is laid out together."""
    parts = sorted(_parts(needs), key=lambda part: (-len(part), part[0]))
    column = _columns(needs)
    crossed = (column[path] - column[end] - 1 for path, ends in needs.items() for end in ends)
    lanes = None if sum(max(0, span) for span in crossed) <= _MOST_LANES else _FEW
    linked = [
        _Part(part, needs, column, spacing, lanes).layout() for part in parts if len(part) > 1
    ]
    alone = [part[0] for part in parts if len(part) == 1]
    widest = max([part.width for part in linked], default=0.0)
    room = max(widest, 4 * (spacing.width + spacing.across) - spacing.across)
    tiles = [*linked, *(_single(path, spacing) for path in alone)]
    return _shelved(tiles, room, spacing)


def _single(path: str, spacing: Spacing) -> Layout:
    return Layout(corners={path: (0, 0)}, ways={}, width=spacing.width, height=spacing.height)


def _shelved(tiles: Iterable[Layout], room: float, spacing: Spacing) -> Layout:
    """Put parts beside each other while there is room, then begin a new row."""
    corners: dict[str, Point] = {}
    ways: dict[tuple[str, str], tuple[Point, ...]] = {}
    x = y = row = widest = 0.0
    for tile in tiles:
        if x + tile.width > room:
            x, y, row = 0.0, y + row + 2 * spacing.down, 0.0
        for path, (left, top) in tile.corners.items():
            corners[path] = (x + left, y + top)
        for link, way in tile.ways.items():
            ways[link] = tuple((x + left, y + top) for left, top in way)
        widest, row = max(widest, x + tile.width), max(row, tile.height)
        x += tile.width + spacing.across
    return Layout(corners=corners, ways=ways, width=widest, height=y + row)


def _parts(needs: Links) -> list[list[str]]:
    """Return the paths in parts that no link connects, each in order."""
    beside: dict[str, list[str]] = {path: [] for path in needs}
    for path, ends in needs.items():
        for end in ends:
            beside[path].append(end)
            beside[end].append(path)
    found: list[list[str]] = []
    seen: set[str] = set()
    for start in needs:
        if start in seen:
            continue
        seen.add(start)
        part = [start]
        for path in part:
            fresh = [end for end in dict.fromkeys(beside[path]) if end not in seen]
            seen.update(fresh)
            part += fresh
        found.append(sorted(part))
    return found


class _Part:
    """What hangs together, while it is being laid out; places are numbers, boxes come first."""

    def __init__(
        self,
        paths: Sequence[str],
        needs: Links,
        column: Mapping[str, int],
        spacing: Spacing,
        furthest: int | None,
    ) -> None:
        self._spacing = spacing
        self._paths = paths
        self._needs = {path: [need for need in needs[path] if need != path] for path in paths}
        self._column = column
        self._number = {path: number for number, path in enumerate(paths)}
        self._columns: list[list[int]] = [
            [] for _ in range(max(column[path] for path in paths) + 1)
        ]
        for path in paths:
            self._columns[self._column[path]].append(self._number[path])
        self._before: dict[int, list[int]] = {number: [] for number in range(len(paths))}
        self._after: dict[int, list[int]] = {number: [] for number in range(len(paths))}
        self._lanes: dict[tuple[str, str], list[int]] = {}
        self._connect(furthest)

    def layout(self) -> Layout:
        """Order the columns, settle the heights, and read off where everything is."""
        self._order()
        middle = self._heights()
        size, step = self._spacing, self._spacing.width + self._spacing.across
        top = min(middle[number] for number in self._number.values()) - size.height / 2
        top = min([top, *(middle[n] - size.lane / 2 for n in middle if n >= len(self._paths))])
        low = max(middle.values()) + size.height / 2
        corners = {
            path: (self._column[path] * step, middle[number] - size.height / 2 - top)
            for path, number in self._number.items()
        }
        ways = {link: self._way(link, lanes, middle, top) for link, lanes in self._lanes.items()}
        return Layout(
            corners=corners,
            ways=ways,
            width=len(self._columns) * step - size.across,
            height=low - top,
        )

    def _connect(self, furthest: int | None) -> None:
        """Link neighbours, with a waypoint in each column that a link crosses."""
        links = [(need, path) for path in self._paths for need in self._needs[path]]
        fresh = len(self._paths)
        for start, end in links:
            between = range(self._column[start] + 1, self._column[end])
            lanes = []
            for column in between if furthest is None or len(between) <= furthest else ():
                self._columns[column].append(fresh)
                self._before[fresh], self._after[fresh] = [], []
                lanes.append(fresh)
                fresh += 1
            self._lanes[start, end] = lanes
            if self._column[start] < self._column[end]:
                chain = [self._number[start], *lanes, self._number[end]]
                for left, right in pairwise(chain):
                    self._after[left].append(right)
                    self._before[right].append(left)

    def _order(self) -> None:
        """Bring each place near the middle of its neighbours, from the left and from the right."""
        rank = {n: _share(column, at) for column in self._columns for at, n in enumerate(column)}
        for sweep in range(_SWEEPS):
            forth = sweep % 2 == 0
            near = self._before if forth else self._after
            for column in self._columns if forth else reversed(self._columns):
                wanted = {
                    n: sum(rank[m] for m in near[n]) / len(near[n]) if near[n] else rank[n]
                    for n in column
                }
                column.sort(key=lambda n: (wanted[n], rank[n]))
                rank.update((n, _share(column, at)) for at, n in enumerate(column))

    def _heights(self) -> dict[int, float]:
        """Return the middle of each place: as near to its neighbours as the others allow."""
        middle: dict[int, float] = {}
        offsets = [self._offsets(column) for column in self._columns]
        sides = [*zip(self._columns, offsets, strict=True)]
        for column, closest in sides:
            middle.update(zip(column, closest, strict=True))
        for sweep in range(_SETTLING):
            forth = sweep % 2 == 0
            both = sweep >= _SETTLING - 2  # the last two
            for column, closest in sides if forth else reversed(sides):
                wanted = []
                for n in column:
                    near = self._before[n] if forth else self._after[n]
                    near = [*self._before[n], *self._after[n]] if both else near
                    wanted.append(sum(middle[m] for m in near) / len(near) if near else middle[n])
                middle.update(zip(column, _nearest(wanted, closest), strict=True))
        return middle

    def _offsets(self, column: Sequence[int]) -> list[float]:
        """Return the middles of a column in which everything is as close as it may be."""
        found: list[float] = []
        last = 0.0
        for n in column:
            own = self._spacing.height if n < len(self._paths) else self._spacing.lane
            at = found[-1] + (last + own) / 2 + self._spacing.down if found else 0.0
            found.append(at)
            last = own
        return found

    def _way(
        self, link: tuple[str, str], lanes: Sequence[int], middle: Mapping[int, float], top: float
    ) -> tuple[Point, ...]:
        size, step = self._spacing, self._spacing.width + self._spacing.across
        start, end = link
        first = self._column[start]
        points = [(first * step + size.width, middle[self._number[start]] - top)]
        for further, lane in enumerate(lanes, 1):
            left, y = (first + further) * step, middle[lane] - top
            points += [(left, y), (left + size.width, y)]
        points.append((self._column[end] * step, middle[self._number[end]] - top))
        return tuple(points)


def _share(column: Sequence[int], place: int) -> float:
    """Return how far down a place is, so that columns of any length compare."""
    return (place + 0.5) / len(column)


def _columns(needs: Links) -> dict[str, int]:
    """Return each task's column: one further than the furthest that it needs.

    A node without dependencies is placed right before its first dependent. Of a way
    round, the links back are those to tasks that are not placed yet.
    """
    column: dict[str, int] = {}
    first: dict[str, int] = {}
    for group in groups(needs):
        for path in reversed(group):
            column[path] = max([column[n] + 1 for n in needs[path] if n in column], default=0)
    for path, ends in needs.items():
        for need in ends:
            first[need] = min(first.get(need, column[path]), column[path])
    shifted = {path: first[path] - 1 for path in first if not needs[path]}
    return column | {path: max(place, column[path]) for path, place in shifted.items()}


def _nearest(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """Return places as near to the wanted ones as the distances in `offsets` allow.

    The least sum of squares, by pooling neighbours that are in each other's way.
    """
    pools: list[tuple[float, int]] = []  # the mean of the wanted places that are left, and how many
    for place, offset in zip(wanted, offsets, strict=True):
        mean, count = place - offset, 1
        while pools and pools[-1][0] > mean:
            last, size = pools.pop()
            mean, count = (last * size + mean * count) / (size + count), size + count
        pools.append((mean, count))
    begins = [mean for mean, count in pools for _ in range(count)]
    return [begin + offset for begin, offset in zip(begins, offsets, strict=True)]
