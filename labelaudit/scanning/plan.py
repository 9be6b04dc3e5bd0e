"""The plan of a scan: what it may take, the effort that keeps to it, and what it took after all.

Without limits a plan only forecasts. With them the largest effort up to the one asked for is chosen whose forecast,
the dear end of its range, fits; where none does, the scan is refused before its long work. Left out: stopping a scan
that takes longer than forecast, which would lose what it has.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import get_args

from labelaudit.errors import OptionError
from labelaudit.machine import peak_memory
from labelaudit.scanning.forecast import (
    MEMORY_SPREAD,
    TORCH,
    WORTH_SAYING,
    Forecast,
    Prospect,
    embed_otherwise,
    forecast_embedding,
    forecast_memory,
    forecast_scan,
    forecast_search,
    takes_a_moment,
)
from labelaudit.scanning.settings import Effort, ScanSettings
from labelaudit.scanning.unit_costs import Timer, UnitCosts, measure_unit_costs
from labelaudit.text import rough_duration, size

_EFFORTS: tuple[Effort, ...] = get_args(Effort)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_BYTES = {"MB": 1e6, "GB": 1e9, "TB": 1e12, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)\s*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([MGT]i?B)", re.IGNORECASE)


def parse_budget(text: str) -> float:
    """Seconds of a time such as ``90s``, ``10m``, ``1h30m`` or ``2d``.

    >>> parse_budget("10m"), parse_budget("1h 30min")
    (600.0, 5400.0)
    """
    found = _DURATION.findall(text.strip().lower())
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in found)
    if not found or _DURATION.sub("", text.strip().lower()) or not 0 < seconds < 1e9:
        raise OptionError(f"`budget` '{text}' is not a time: write one such as 90s, 10m or 1h30m")
    return seconds


def parse_memory(text: str) -> float:
    """Bytes of a size such as ``500MB``, ``4GB`` or ``4GiB``.

    >>> parse_memory("4GB"), parse_memory("0.5gib")
    (4000000000.0, 536870912.0)
    """
    found = _SIZE.fullmatch(text.strip())
    unit = "" if found is None else next(name for name in _BYTES if name.lower() == found[2].lower())
    most = 0.0 if found is None else float(found[1]) * _BYTES[unit]
    if not 0 < most < 1e18:
        raise OptionError(f"`max_memory` '{text}' is not a size: write one such as 500MB or 4GB")
    return most


def read_limit(name: str, value: float | str | timedelta | None, parse: Callable[[str], float]) -> float | None:
    """The limit ``name`` as a number; ``parse`` reads text. Raises `OptionError` for one that nothing can keep to."""
    if value is None or isinstance(value, str):
        return None if value is None else parse(value)
    limit = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if not limit > 0:
        raise OptionError(f"`{name}` {value}: give more than 0")
    return limit


class Plan:
    """The limits of a scan, and the forecast that it was planned by.

    Args:
        budget: seconds from the beginning to the end; no limit by default.
        max_memory: bytes of memory of the whole process; no limit by default.
        timer: the clock that the scan and the probe of unit costs are timed by.
    """

    def __init__(
        self, *, budget: float | None = None, max_memory: float | None = None, timer: Timer = time.perf_counter
    ) -> None:
        self.budget, self.max_memory = budget, max_memory
        self.forecast: Forecast | None = None
        """The forecast for the effort that was settled on; none where everything takes a moment."""
        self._timer, self._started = timer, timer()

    @classmethod
    def within(cls, budget: float | str | timedelta | None, max_memory: float | str | None) -> Plan:
        """A plan under the limits that a person gives: numbers, or text for `parse_budget` and `parse_memory`."""
        seconds, most = read_limit("budget", budget, parse_budget), read_limit("max_memory", max_memory, parse_memory)
        return cls(budget=seconds, max_memory=most)

    @property
    def limited(self) -> bool:
        return self.budget is not None or self.max_memory is not None

    def require_torch_fits(self, settings: ScanSettings) -> None:
        """Raise `OptionError` where ``settings`` train at any effort and PyTorch alone takes more memory than it may.

        Asked before `check_settings`, which loads PyTorch to look at methods.
        """
        most, trains = self.max_memory, bool(replace(settings, effort="quick").trained)
        least = peak_memory() + TORCH * ("torch" not in sys.modules)
        if most is not None and trains and least > most:
            raise OptionError(
                f"`max_memory` {size(most)}: training takes {size(least)} or more with PyTorch: give it more memory, "
                "or leave methods and training out, with `effort` quick"
            )

    def settle(self, prospect: Prospect, settings: ScanSettings) -> ScanSettings:
        """Forecast the scan, tell it, and return ``settings`` with the effort that fits.

        Raises `OptionError` where no effort fits.
        """
        machine = prospect.machine
        if machine.engine != "local":
            if self.limited:
                raise OptionError(f"`budget` and `max_memory` are of this machine: leave out `engine` {machine.engine}")
            return settings
        if self.limited or not takes_a_moment(prospect, settings, 0.0):
            machine.progress("forecast", 0, None)
        if self.limited:
            settings = self._choose(prospect, settings)
        else:
            embedding = forecast_embedding(prospect, settings)
            if not takes_a_moment(prospect, settings, embedding):
                costs = self._measure(prospect)
                self.forecast = self._begun(forecast_scan(prospect, settings, costs=costs, embedding=embedding))
        if self.forecast is not None and self._is_told:
            if self.limited and _has_efforts(prospect):
                machine.notice(f"Effort: {settings.effort}, the largest that fits.")
            machine.notice(self.forecast.say())
        return settings

    def _choose(self, prospect: Prospect, settings: ScanSettings) -> ScanSettings:
        """``settings`` with the largest effort up to theirs that fits, and its forecast, in `forecast`.

        The smallest is tried first, and nothing is tried of one that is too much by what can be counted. Memory is
        counted before anything is measured.
        """
        self.forecast, embedding = None, 0.0
        efforts = _EFFORTS[: _EFFORTS.index(settings.effort) + 1]
        if self.max_memory is not None:
            memory = forecast_memory(prospect, replace(settings, effort=efforts[0]))
            if not self._has_room(memory):
                raise OptionError(self._refuse_memory(memory, prospect))
        costs, chosen = self._measure(prospect), settings
        for effort in efforts:
            tried, smallest = replace(settings, effort=effort), self.forecast is None
            seconds = 0.0 if smallest else embed_otherwise(prospect, chosen, tried, embedding, costs)
            found = self._begun(forecast_scan(prospect, tried, costs=costs, embedding=seconds, training=False))
            too_much = not self._fits(found)
            if not too_much:
                embedding = seconds or forecast_embedding(prospect, tried)
                found = self._begun(forecast_scan(prospect, tried, costs=costs, embedding=embedding))
            if self._fits(found):
                self.forecast, chosen = found, tried
            elif smallest:
                raise OptionError(self._refuse(found, prospect, "more than " if too_much else ""))
            else:
                break
        assert self.forecast is not None
        self.forecast = self._begun(self.forecast)
        return chosen

    def _measure(self, prospect: Prospect) -> UnitCosts:
        images, classes = prospect.samples.images, len(prospect.samples.classes)
        return measure_unit_costs(images, self._timer, classes=classes, search=lambda: forecast_search(prospect))

    def _begun(self, forecast: Forecast) -> Forecast:
        """The ``forecast`` with the time that is behind the scan by now."""
        return replace(forecast, spent=self._timer() - self._started)

    def _fits(self, forecast: Forecast) -> bool:
        in_time = self.budget is None or forecast.high <= self.budget
        return in_time and self._has_room(forecast.memory)

    def _has_room(self, memory: float) -> bool:
        """Whether a forecast of so many bytes of ``memory`` fits, at the upper end of its range."""
        return self.max_memory is None or memory * MEMORY_SPREAD <= self.max_memory

    @property
    def _is_told(self) -> bool:
        """Whether the forecast is worth a word."""
        return self.forecast is not None and (self.limited or self.forecast.seconds >= WORTH_SAYING)

    def _refuse(self, forecast: Forecast, prospect: Prospect, beyond: str = "") -> str:
        """The one line that says which limit cannot be kept; ``beyond`` is "more than " where the ``forecast`` lacks
        what has to be tried."""
        if self.budget is not None and forecast.high > self.budget:
            time = f"{beyond}{rough_duration(forecast.high)} here"
            limit = f"`budget` {rough_duration(self.budget)}: {_least(prospect)} {time}"
            return f"{limit}: give it more time, or fewer images"
        return self._refuse_memory(forecast.memory, prospect)

    def _refuse_memory(self, memory: float, prospect: Prospect) -> str:
        """The one line that refuses a scan whose ``memory`` is forecast at so many bytes."""
        assert self.max_memory is not None
        limit = f"`max_memory` {size(self.max_memory)}: {_least(prospect)} {size(memory * MEMORY_SPREAD)}"
        return f"{limit}: give it more memory, or fewer images"

    def review(self) -> str:
        """One sentence that compares what the scan took with its forecast; empty where none was told."""
        if self.forecast is None or not self._is_told:
            return ""
        return self.forecast.compare(self._timer() - self._started, peak_memory())


def _least(prospect: Prospect) -> str:
    return "even `effort` quick may take" if _has_efforts(prospect) else "this may take"


def _has_efforts(prospect: Prospect) -> bool:
    """Whether efforts differ: probabilities alone are judged in one way."""
    return prospect.choice is not None or prospect.features is not None
