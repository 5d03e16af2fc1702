"""The firmware of boards, in C, and the protocol it speaks: installed as data."""
