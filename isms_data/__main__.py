"""`python -m isms_data ...`: the same as `isms ...`."""

from isms_data.cli import main

main()
