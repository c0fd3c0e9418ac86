"""`python -m tollbook` is the `tollbook` command."""

from tollbook.cli import main

if __name__ == "__main__":
    main()
