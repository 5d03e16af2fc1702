"""What asks a probe (probe.h) over its line."""


class Probe:
    """``port`` reads what has come within a while, at most some bytes, and writes."""

    def __init__(self, port):
        self.port = port

    def line(self) -> list[str]:
        text = b""
        for _ in range(2000):
            text += self.port.read(1)
            if text.endswith(b"\n"):
                return text.decode().split()
        raise AssertionError(f"the probe must answer, not {text!r}")

    def ask(self, letter: str) -> int:
        self.port.write(letter.encode())
        word, value = self.line()
        assert word == "="
        return int(value, 16)

    def fault(self, letter: str) -> tuple[int, ...]:
        """Count, address and cause of the fault after which the main loop began again."""
        self.port.write(letter.encode())
        word, answer = "", list[str]()
        while word != "begin":
            word, *answer = self.line()
        return tuple(int(value, 16) for value in answer)
