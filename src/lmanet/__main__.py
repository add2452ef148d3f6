"""`python -m lmanet`: the command `lmanet`, where that is not on the path."""

from lmanet.app import main

main()
