"""An action: the name of something that can happen in the world, and what it is about."""

Action = tuple[str, ...]
