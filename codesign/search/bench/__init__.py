"""Search algorithms compared, on the same space, budget and seeds: ``python -m codesign.search.bench``."""
