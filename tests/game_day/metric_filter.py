"""Which log lines a metric filter counts: the part of CloudWatch's pattern language that the template uses.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

#: One field of a JSON line is a text. An asterisk stands for any characters.
FIELD_IS_TEXT = re.compile(r'\{ \$\.(\w+) = "([^"]*)" \}')


def matcher(pattern: str) -> Callable[[str], bool]:
    """Returns what says whether a line matches. Raises `ValueError` for another form of pattern."""
    parsed = FIELD_IS_TEXT.fullmatch(pattern)
    if parsed is None:
        raise ValueError(f"a pattern of another form: {pattern}")
    field, text = parsed.groups()
    wanted = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

    def matches(line: str) -> bool:
        try:
            logged = json.loads(line)
        except ValueError:
            return False
        value = logged.get(field) if isinstance(logged, dict) else None
        return isinstance(value, str) and wanted.fullmatch(value) is not None

    return matches
