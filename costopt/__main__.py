"""`python -m costopt`."""

from costopt.cli.main import main

main()
