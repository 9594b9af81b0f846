"""`python -m app` is the `regulars` command, wherever its script may be."""

from app.cli import main

main()
