"""Colours: a dark and a light one of our own, and loud ones for machines one should not mistake."""

from __future__ import annotations

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
    return Theme(
        name=f"{PRODUCTION}-{name}" if name else PRODUCTION,
        primary=colour,
        secondary=colour,
        accent="#ffd166",
        foreground="#e8e4e4",
        background="#150f10" if name in ("", "red") else "#11141b",
        surface="#1d1416" if name in ("", "red") else "#171b24",
        panel="#2b1b1e" if name in ("", "red") else "#1f2532",
        success="#7fc06e",
        warning="#ffd166",
        error="#ff6b6b",
        dark=True,
    )
