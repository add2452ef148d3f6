"""Images with training, validation and test apart."""
