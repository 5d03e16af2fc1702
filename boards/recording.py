"""What goes over the line to a board, written down as it goes: a session's file.

JSON Lines: first the header (format, when it began, notes), then ``[seconds, "host" or "board", base64]`` for bytes
that the host or the board sent.
"""

import base64
import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from codesign.errors import CodesignError, require

from .link import Port

__all__ = ["FORMAT", "Recording", "read_session"]

FORMAT = 1
HOST, BOARD = "host", "board"


class Recording:
    """``port``, with all that goes over it written to ``path``; a context manager.

    While it goes on the file is called ``path`` with ``.part`` after it, and a kill costs it the last line or so; then
    it takes the place of ``path``. ``notes`` go into its header. Raises :class:`CodesignError` where it cannot be
    written.
    """

    def __init__(self, port: Port, path: str | os.PathLike, notes: Mapping[str, str] | None = None):
        self.port, self.path = port, Path(path)
        self._part = self.path.with_name(self.path.name + ".part")
        self._from_board, self._board_s = bytearray(), 0.0
        self.monotonic = getattr(port, "monotonic", time.monotonic)
        self._start = self.monotonic()
        header = {"format": FORMAT, "began": datetime.now(UTC).isoformat(timespec="seconds"), **(notes or {})}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._part, "w", encoding="ascii", buffering=1)  # a line at a time
            self._file.write(json.dumps(header) + "\n")
        except OSError as e:
            raise self._unwritable(e) from None

    def _unwritable(self, error: OSError) -> CodesignError:
        return CodesignError(f"Session {str(self.path)!r} must be writable: {error.strerror or error}")

    @property
    def in_waiting(self) -> int:
        return self.port.in_waiting

    @property
    def baudrate(self) -> int:
        return getattr(self.port, "baudrate", 115_200)

    def read(self, size: int) -> bytes:
        """What the port reads. Bytes of a frame that come one by one make one line."""
        data = self.port.read(size)
        if data:
            self._board_s = self._board_s if self._from_board else self._now()
            self._from_board += data
            if data.endswith(b"\0"):
                self._flush()
        return data

    def write(self, data: bytes) -> int | None:
        self._flush()
        self._line(self._now(), HOST, data)
        return self.port.write(data)

    def _now(self) -> float:
        return round(self.monotonic() - self._start, 4)

    def _flush(self) -> None:
        if self._from_board:
            self._line(self._board_s, BOARD, self._from_board)
            self._from_board.clear()

    def _line(self, at_s: float, sender: str, data: bytes) -> None:
        if self._file.closed:  # whoever goes on learns it of the port
            return
        try:
            self._file.write(json.dumps([at_s, sender, base64.b64encode(data).decode()]) + "\n")
        except OSError as e:
            raise self._unwritable(e) from None

    def close(self) -> None:
        """End the file, and put it in its place."""
        if self._file.closed:
            return
        try:
            self._flush()
            self._file.close()
            os.replace(self._part, self.path)
        except OSError as e:
            raise self._unwritable(e) from None

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()


def read_session(path: str | os.PathLike) -> tuple[dict, list[tuple[float, str, bytes]]]:
    """The header and (seconds, sender, bytes) of a session's file; a last line that was cut off is left out.

    Raises :class:`CodesignError` where the file is no session's.
    """
    what = f"Session {str(path)!r}"
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as e:
        raise CodesignError(f"{what} must be readable: {getattr(e, 'strerror', None) or e}") from None
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    try:
        header, *rows = map(json.loads, lines)
        require(isinstance(header, dict) and header.get("format") == FORMAT, f"{what} must have format {FORMAT}")
        return header, [(float(at_s), str(sender), base64.b64decode(data, validate=True))
                        for at_s, sender, data in rows]
    except (ValueError, TypeError) as e:
        raise CodesignError(f"{what} must be a header and lines of [seconds, sender, base64]: "
                            f"{' '.join(str(e).split())}") from None
