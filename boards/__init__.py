"""Board descriptions (``*.yaml``), read by :func:`codesign.board.load_board`."""
