"""A local service that publishes your own videos from a farm of Android phones."""

__version__ = "0.1.0"
