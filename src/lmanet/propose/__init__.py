"""Proposers: a language model over HTTP, and what it is measured against."""
