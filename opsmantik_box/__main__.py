"""`python -m opsmantik_box` is the command line."""

from opsmantik_box.cli import main

if __name__ == "__main__":
    main()
