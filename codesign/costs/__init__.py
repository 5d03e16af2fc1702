"""The cost table: evidence with provenance, and the prices made from it."""

from .checking import Drift, check
from .exchange import export_csv, export_jsonl, import_jsonl
from .keys import graph_digest
from .pricing import Part, Predict, Price, layer_keys, network_key, price
from .row import METHODS, CostKey, Row
from .table import CostTable

__all__ = ["METHODS", "CostKey", "CostTable", "Drift", "Part", "Predict", "Price", "Row", "check", "export_csv",
           "export_jsonl", "graph_digest", "import_jsonl", "layer_keys", "network_key", "price"]
