"""Colours: a dark and a light one of our own, and loud ones for machines one should not mistake."""

from __future__ import annotations

from textual.color import Color
from textual.theme import Theme

DARK, LIGHT = "mindbot-dark", "mindbot-light"

#: What ``$MINDBOT_CONSOLE_COLOR`` may say.
LOUD = {"red": "#e5484d", "orange": "#f76b15", "yellow": "#e2b203", "green": "#30a46c", "blue": "#3b82f6"}
LOUD["purple"] = "#8e4ec6"
PRODUCTION = "production"

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
    secondary="#5a7bbd",
    accent="#a05a00",
    foreground="#20242c",
    background="#fbfbf8",
    surface="#f1f1ec",
    panel="#e4e5df",
    success="#2e7d32",
    warning="#a05a00",
    error="#c62828",
    dark=False,
)


def themes() -> list[Theme]:
    """Return our own themes, the loud ones included."""
    loud = [_loud(name, colour) for name, colour in LOUD.items()]
    return [_dark, _light, _loud("", LOUD["red"]), *loud]


def _loud(name: str, colour: str) -> Theme:
    """The dark theme in a frame that cannot be overlooked."""
    return Theme(
        name=f"{PRODUCTION}-{name}" if name else PRODUCTION,
        primary=_dark.primary,
        secondary=_dark.secondary,
        accent=_dark.accent,
        foreground=_dark.foreground,
        background=_dark.background,
        surface=_dark.surface,
        panel=_dark.panel,
        success=_dark.success,
        warning=_dark.warning,
        error=_dark.error,
        dark=True,
        variables={"frame": Color.parse(colour).darken(0.22).hex, "chip": colour},
    )
