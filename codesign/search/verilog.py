"""Today's Verilog of the accelerators that a cost table tells of: rows of other Verilog are stale."""

from collections.abc import Callable, Iterable

from ..accelerator import AcceleratorConfig
from ..costs import CostTable

__all__ = ["Verilog"]


class Verilog:
    """Digests of the Verilog that would be emitted today, by the accelerator's; each is made once, and when it is asked
    for: that takes seconds.

    configs : the accelerators that are known, by digest: those given, and those of the runs in ``table``
    """

    def __init__(self, digest: Callable[[AcceleratorConfig], str], configs: Iterable[AcceleratorConfig],
                 table: CostTable):
        self._digest, self._table, self._known = digest, table, dict[str, str]()
        asked = (question.accelerator for question in table.questions().values())
        self.configs = {config.digest(): config for config in (*asked, *configs)}

    def __call__(self, accelerator: str) -> str | None:
        """None where nobody knows the accelerator, or no row is of it."""
        if accelerator not in self._known and accelerator in self.configs and self._table.rows(accelerator=accelerator):
            self._known[accelerator] = self._digest(self.configs[accelerator])
        return self._known.get(accelerator)
