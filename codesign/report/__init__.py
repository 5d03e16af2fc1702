"""Reports of a sweep: an HTML page and a table for the terminal."""

from .page import load_results, write_report
from .text import text_table

__all__ = ["load_results", "text_table", "write_report"]
