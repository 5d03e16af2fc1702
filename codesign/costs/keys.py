"""The canonical digest of a graph: what decides a network's cycles, whatever its nodes are called."""

import dataclasses
import hashlib
from functools import lru_cache

from ..graph import Graph
from .row import canonical

__all__ = ["graph_digest"]


@lru_cache(maxsize=16)  # a network is priced on one accelerator after another
def graph_digest(graph: Graph) -> str:
    """SHA-256 over operators, their fields and who reads whom; names and weights do not count."""
    nodes = [{"op": type(node.op).__name__, "fields": dataclasses.asdict(node.op), "inputs": node.inputs}
             for node in graph.nodes]
    return hashlib.sha256(canonical({"nodes": nodes}).encode()).hexdigest()
