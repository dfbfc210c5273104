"""A console with nothing in it: what Textual costs by itself, for `mindbot bench rows`."""

from __future__ import annotations

from textual.app import App


class Nothing(App[None]):
    """An empty screen."""
