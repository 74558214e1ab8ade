"""`python -m floorline`."""

from floorline.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
