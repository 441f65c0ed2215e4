"""Tools and calls by which people are spoken to, and what they answer."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from duress.audit.acts import Act
from duress.audit.rules.tool_names import tool_words

_TALK: Final = re.compile(
    r"chat|mail|message|msg|(?:^|_)dm|slack|teams|sms|comment|notify|(?:^|_)ask|post|page|inbox|wecom"
    r"|ding|reply"
    r"|say|消息|邮件|通知"
)
_READS: Final = re.compile(
    r"(?:^|_)(?:read|get|list|search|open|fetch|view|find|check|show|poll|inbox)(?:_|$)|查|看|读|收件"
)
"""Tools that look into what has come in."""
_ANSWERED: Final = re.compile(
    r"[\s\"'“]{0,4}(?:\d\d?:\d\d\s+)?(?!(?:from|to|cc|subject|re|status|result|error|date|id|note|warning|message|body"
    r"|发件人|主题|状态|结果)\b)[^\W\d_][\w .·'-]{0,30}[:：]\s{0,4}(?=\S)",
    re.IGNORECASE,
)
"""How the answer of somebody begins: with who answers."""
ANSWER: Final = 400
"""So long an answer may be, or so much of it is read."""


@lru_cache(maxsize=1024)
def talks(tool: str) -> bool:
    """Tell whether a tool is one by which people are spoken to."""
    return _TALK.search(tool_words(tool)) is not None


def speaks(act: Act) -> bool:
    """Tell whether a call speaks to somebody."""
    return talks(act.call.tool) or bool(act.recipients)


@lru_cache(maxsize=1024)
def reads(tool: str) -> bool:
    """Tell whether a tool looks for messages, or reads them."""
    return _READS.search(tool_words(tool)) is not None


def answer(act: Act, text: str) -> re.Match[str] | None:
    """Return how what somebody answered to a message begins; a mailbox that was read answers nobody."""
    match = _ANSWERED.match(text) if len(text) <= ANSWER else None
    return None if match is None or reads(act.call.tool) else match
