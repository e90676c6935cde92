"""The virtual Instagram app (com.instagram.android) is built here.

It behaves as the recorded app does, screen by screen; it is not a player of recordings and it knows nothing
of the code that drives it.
"""
