"""One pyramid of sizes, shared by all detectors that look at a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import cv2
import numpy as np

from safelight.terms import Pixels, Region

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Told = TypeVar("Told")


class Sizes:
    """A picture, and smaller versions of it made when first asked for."""

    def __init__(self, pixels: Pixels) -> None:
        """Take pixels (height, width, 3), uint8; nothing else is a picture here."""
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
            raise ValueError("not a picture: (height, width, 3) of uint8 is wanted")
        self.pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self._made: dict[int, Pixels] = {}
        self._told: dict[tuple[str, int], object] = {}

    @property
    def longest(self) -> int:
        """Return the longer side in pixels."""
        return int(max(self.width, self.height))

    def at(self, longest: int, *, enlarge: float = 1.0) -> Pixels:
        """Return the picture with its longer side at most this, enlarged for it so many times at most."""
        if longest >= self.longest:
            return self._enlarged(min(longest, int(enlarge * self.longest)))
        if longest not in self._made:
            self._made[longest] = _shrunk(self._source(longest), self._size(longest))
        return self._made[longest]

    def once(self, what: tuple[str, int], told: Callable[[], Told]) -> Told:
        """Return what was told of the picture under this name, told now if it wasn't before."""
        if what not in self._told:
            self._told[what] = told()
        return cast("Told", self._told[what])

    def grey(self, longest: int) -> NDArray[np.uint8]:
        """Return it in shades of grey, its longer side at most this."""
        if longest >= self.longest or longest in self._made:
            return _grey(self.at(longest))
        source = _grey(self._source(longest))
        return _shrunk(source, self._size(longest))

    def _source(self, longest: int) -> Pixels:
        """Return the smallest version that is large enough: halving is quick, odd shares are not."""
        source, side = self.pixels, self.longest
        while side >= 2 * longest:
            side //= 2
            if side not in self._made:
                self._made[side] = _shrunk(source, self._size(side))
            source = self._made[side]
        return source

    def _size(self, longest: int) -> tuple[int, int]:
        share = longest / self.longest
        return max(1, round(self.width * share)), max(1, round(self.height * share))

    def _enlarged(self, longest: int) -> Pixels:
        if longest == self.longest:
            return self.pixels
        if longest not in self._made:
            self._made[longest] = np.asarray(
                cv2.resize(self.pixels, self._size(longest), interpolation=cv2.INTER_LINEAR),
                np.uint8,
            )
        return self._made[longest]

    def region(self, left: float, top: float, right: float, bottom: float) -> Region | None:
        """Return the box rounded outwards and cut to the picture; None if nothing of it is inside."""
        x, y = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
        across = min(self.width, int(np.ceil(right))) - x
        down = min(self.height, int(np.ceil(bottom))) - y
        return Region(x, y, across, down) if across > 0 and down > 0 else None


def _shrunk(source: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)


def _grey(pixels: Pixels) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
