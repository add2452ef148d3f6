"""`python -m lmanet`: the command `lmanet`, where that is not on the path."""

from lmanet.app import main

if __name__ == "__main__":
    main()
