"""A language model that proposes: its server, its prompt, its replies."""
