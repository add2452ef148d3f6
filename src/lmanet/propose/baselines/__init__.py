"""What a language model is measured against, behind the same Protocol."""
