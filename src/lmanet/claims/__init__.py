"""What a model claims about its networks, checked against the facts."""
