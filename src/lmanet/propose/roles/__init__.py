"""What a language model can be asked to do: generate, mutate, rank; and the strategist that writes
notes.
"""
