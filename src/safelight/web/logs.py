"""Log lines that can't hold a patient: no query string, no body, no message of an exception."""

from __future__ import annotations

import logging
import traceback
from types import TracebackType

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Bare(logging.Formatter):
    """Formats our own messages whole, everybody else's without their values.

    Django's and other libraries' messages carry addresses, form values and SQL parameters. Of
    those only the template is written. An exception gives its type and where it happened;
    its text may quote what someone typed.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        ours = record.name == "safelight" or record.name.startswith("safelight.")
        message = record.getMessage() if ours else str(record.msg)
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {_one_line(message)}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + self.formatException(record.exc_info)
        return line

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name is logging's
        """Return the type and the places, never the text."""
        kind, _, trace = ei
        places = traceback.extract_tb(trace)
        name = kind.__name__ if kind else "nothing"
        return "\n".join([f"  {name}", *(f"    {p.filename}:{p.lineno} {p.name}" for p in places)])


def _one_line(text: str) -> str:
    return " ".join(text.split())
