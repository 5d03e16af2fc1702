"""A network priced on many accelerators."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..accelerator import AcceleratorConfig
from ..cycles import Prediction, predict, predict_schedule
from ..errors import CodesignError
from ..graph import Graph
from ..layer_cycles import split_by_layer
from ..lowering import lower
from ..registers import COUNTERS, TRACE_COUNTERS, TRACE_ENTRIES
from ..schedule import check_maps, schedule
from .layout import CONFIG, config_record, gemm_records
from .library import load_library

__all__ = ["Batch", "BatchModel", "BatchPredict"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """A network on each of n accelerators.

    fits : bool (n,): it runs there
    counters : int64 (n, len(COUNTERS)) of one image; 0 where it does not fit
    """

    fits: np.ndarray
    counters: np.ndarray

    @property
    def cycles(self) -> np.ndarray:
        """int64 (n,), of one image; 0 where the network does not fit."""
        return self.counters[:, list(COUNTERS).index("cycles")]


class BatchModel:
    """The cost model for ``configs``, asked for as many networks as there are.

    Numbers are those of :func:`codesign.cycles.predict`, exactly. Networks that run at once are priced by C++, as long
    as there is a compiler; those that must run in bands, and all where there is none, by Python, a thousand times as
    slowly. Threads may share it.
    """

    def __init__(self, configs: Sequence[AcceleratorConfig]):
        self.configs = tuple(configs)
        records = np.array([config_record(c) for c in configs], np.int64).reshape(-1, len(CONFIG))
        # Neighbours share what their differences leave alike, see layout.CONFIG.
        self._order = np.lexsort(records.T[::-1])
        self._records = np.ascontiguousarray(records[self._order])

    def price(self, graph: Graph, *, bands: bool = True) -> Batch:
        """Counters of one image of ``graph`` on every accelerator.

        ``bands`` : also where it does not fit the banks at once, as :func:`predict` does; else that counts as not
        fitting. Raises :class:`CodesignError` for what no accelerator can run.
        """
        check_maps(graph)
        counters, _ = self._run(graph, traced=False)
        fits = counters[:, 0] >= 0
        counters[~fits] = 0
        if bands or load_library() is None:
            for index in np.flatnonzero(~fits):
                try:
                    plan = schedule(graph, self.configs[index])
                except CodesignError:
                    continue
                if bands or len(plan.visits) == len(plan.gemms):
                    counters[index] = list(predict_schedule(plan).counters.values())
                    fits[index] = True
        return Batch(fits=fits, counters=counters)

    def predictions(self, graph: Graph) -> list[Prediction | None]:
        """As :meth:`price`, by layer, too; None where ``graph`` does not fit at once."""
        check_maps(graph)
        counters, trace = self._run(graph, traced=True)
        names = [gemm.name for gemm in lower(graph)][:TRACE_ENTRIES]
        made: list[Prediction | None] = []
        for values, entries in zip(counters.tolist(), trace.tolist(), strict=True):
            if values[0] < 0:
                made.append(None)
                continue
            named = dict(zip(COUNTERS, values, strict=True))
            made.append(Prediction(values[0], split_by_layer(names, entries[:TRACE_ENTRIES], named), named))
        return made

    def _run(self, graph: Graph, traced: bool) -> tuple[np.ndarray, np.ndarray]:
        """Counters, -1 where ``graph`` does not fit at once, and trace entries of every Gemm."""
        gemms, operands = gemm_records(lower(graph))
        n, order = len(self.configs), self._order
        counters = np.full((n, len(COUNTERS)), -1, np.int64)
        trace = np.zeros((n if traced else 0, len(gemms), len(TRACE_COUNTERS)), np.int64)
        library = load_library()
        if library is not None and n:
            library.codesign_predict(gemms.ctypes.data, len(gemms), operands.ctypes.data, self._records.ctypes.data, n,
                                     counters.ctypes.data, trace.ctypes.data if traced else None)
            counters[order] = counters.copy()
            if traced:
                trace[order] = trace.copy()
        return counters, trace


class BatchPredict:
    """:func:`codesign.cycles.predict` for one graph after another on ``configs``: asked for a graph on one of them, it
    prices it on all."""

    def __init__(self, configs: Sequence[AcceleratorConfig]):
        self._model = BatchModel(configs)
        self._graph: Graph | None = None
        self._predictions: dict[AcceleratorConfig, Prediction | None] = {}

    def __call__(self, graph: Graph, config: AcceleratorConfig) -> Prediction:
        if graph is not self._graph:
            found = self._model.predictions(graph)
            self._graph, self._predictions = graph, dict(zip(self._model.configs, found, strict=True))
        return self._predictions.get(config) or predict(graph, config)
