"""Not a script: its name starts with an underscore."""
