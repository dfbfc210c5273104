"""Colours: a dark and a light one of our own, and loud ones for machines one should not mistake."""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import Theme

DARK, LIGHT = "mindbot-dark", "mindbot-light"

#: What ``$MINDBOT_CONSOLE_COLOR`` may say.
LOUD = {"red": "#e5484d", "orange": "#f76b15", "yellow": "#e2b203", "green": "#30a46c", "blue": "#3b82f6"}
LOUD["purple"] = "#8e4ec6"

_dark = Theme(
    name=DARK,
    primary="#7aa2f7",
    secondary="#5a7bbd",
    accent="#e0af68",
    foreground="#c8d0e0",
    background="#11141b",
    surface="#171b24",
    panel="#1f2532",
    success="#7fc06e",
    warning="#e0af68",
    error="#f0717b",
    dark=True,
)
_light = Theme(
    name=LIGHT,
    primary="#2f5fb3",
    secondary="#3f62a3",
    accent="#8a4d00",
    foreground="#20242c",
    background="#fbfbf8",
    surface="#f1f1ec",
    panel="#e4e5df",
    success="#2e7d32",
    warning="#8a4d00",
    error="#c62828",
    dark=False,
)


def themes() -> list[Theme]:
    """Return our own themes."""
    return [_dark, _light]


def frame_of(variables: Mapping[str, str], loud: str) -> dict[str, str]:
    """Return the colours of the frame: a theme's own, or a loud one by its name, which every theme keeps."""
    if not loud:
        return {
            "frame": variables["panel"],
            "frame-text": variables["foreground"],
            "chip": variables["primary"],
        }
    frame = Color.parse(LOUD[loud]).darken(0.27)
    return {"frame": frame.hex, "frame-text": frame.get_contrast_text(1).hex, "chip": LOUD[loud]}
