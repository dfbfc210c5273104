"""The Chinese of the console. A test sees that nothing is missing."""

ZH: dict[str, str] = {}
