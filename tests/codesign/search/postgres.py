"""A PostgreSQL server for tests, of the machine's own programs."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["Server", "server"]

USER = "nobody"  # runs it where we are root: PostgreSQL refuses to be root's


def _programs() -> Path:
    """The newest installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        pytest.skip("needs a PostgreSQL server: apt-get install postgresql")
    return Path(on_path).resolve().parent


class Server:
    """Listens on a socket in ``directory`` alone, so that no other server is in its way."""

    def __init__(self, directory: Path):
        self.programs, self.directory = _programs(), directory
        self._run("initdb", "-D", str(directory / "data"), "-U", "me", "-A", "trust", "--no-sync")
        self.start()
        self.url = f"postgresql://me@/postgres?host={directory}"

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-w", "-l", str(self.directory / "log"), "-o",
                  f"-c listen_addresses='' -c unix_socket_directories='{self.directory}' -c fsync=off", "start")

    def stop(self, mode: str = "immediate") -> None:
        """``immediate``: as if it had been killed."""
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-w", "-m", mode, "stop")

    def ask(self, statement: str) -> str:
        """What psql prints."""
        return self._run("psql", "-h", str(self.directory), "-U", "me", "-d", "postgres", "-Atc", statement)

    def _run(self, program: str, *words: str) -> str:
        as_user = ["setpriv", f"--reuid={USER}", "--clear-groups"] if os.getuid() == 0 else []
        # its output goes to a file: a server that goes on would keep a pipe open
        with tempfile.TemporaryFile() as output:
            status = subprocess.run([*as_user, str(self.programs / program), *words], cwd="/", stdout=output,
                                    stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120).returncode
            output.seek(0)
            text = output.read().decode()
        assert status == 0, text
        return text.strip()


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """One that ends with the context."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'codesign[cluster]'")
    _programs()
    directory = Path(tempfile.mkdtemp(prefix="pg"))  # a short path: sockets have at most 107 bytes
    try:
        if os.getuid() == 0:
            shutil.chown(directory, USER)
        started = Server(directory)
        try:
            yield started
        finally:
            started.stop()
    finally:
        shutil.rmtree(directory)
