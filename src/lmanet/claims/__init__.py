"""What a model claims of its networks, held against the facts."""
