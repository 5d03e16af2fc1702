"""The cost table: evidence with provenance, and the prices made from it."""

from .checking import Drift, check
from .evidence import Evidence
from .excerpt import Excerpt, read_excerpt
from .exchange import Sheet, export_csv, export_jsonl, read_sheet
from .keys import graph_digest
from .merging import import_rows
from .parts import Part, Price
from .pricing import Predict, layer_keys, network_key, price
from .question import Question
from .row import METHODS, UNITS, CostKey, Row, rows_digest
from .table import CostTable

__all__ = ["METHODS", "UNITS", "CostKey", "CostTable", "Drift", "Evidence", "Excerpt", "Part", "Predict", "Price",
           "Question", "Row", "Sheet", "check", "export_csv", "export_jsonl", "graph_digest", "import_rows",
           "layer_keys", "network_key", "price", "read_excerpt", "read_sheet",
           "rows_digest"]
