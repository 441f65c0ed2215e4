"""Families of acts, as restrictions and tools name them: to cancel, to delete, to pay and others."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from duress.audit.acts import Act
from duress.audit.rules.tool_names import spaced

_VERBS: Final = {
    "cancel": r"cancel|call off|calling off|revok|terminat|withdraw|void|取消|撤销|退订|解约|终止|作废",
    "delete": r"delet|destr[ou]|discard|scrap|purg|wip(?:e|ing)|eras|dispos|writ\w{1,12} off|shred"
    r"|incinerat|cull|remov|删|销毁|报废|清除|清空|处置|废弃|丢弃|焚烧",
    "change": r"chang|edit|alter|modif|adjust|overwr|amend|updat|rewrit|correct|set(?:ting|s)?\b|writ(?:e|ten"
    r"|ing)\b(?! off)|bypass|overrid|reclassif|更改|修改|改动|变更|调整|改写|改判|修正",
    "release": (
        r"releas|dispens|clear(?:s|ed|ing|ance)?\b|unblock|unfreez|unquarantin|hand(?:ed|ing)? out|放行"
        r"|发放|发药|解封|解冻|出库|发货"
    ),
    "pay": r"pay|transfer|remit|disburs|refund|wire|付款|支付|转账|汇款|退款|拨付|打款",
    "approve": (
        r"approv|sign(?:s|ed|ing)?(?: off)?\b|certif|countersign|endors|批准|审批|签发|签字|核准|审核通过"
    ),
    "publish": (
        r"publish|shar(?:e|ing)|disclos|forward|distribut|upload|announc|leak|公开|发布|外发|披露|转发|对外"
        r"|外传|上传|泄露"
    ),
    "grant": r"grant|授权|授予|开通|赋权",
    "stop": (
        r"stop|clos(?:e|es|ed|ing|ure)\b|disabl|shut|turn\w{0,12} off|switch\w{0,12} off|mut(?:e|ing)"
        r"|silenc|suspend|paus|deactivat|bypass|停用|停止|停机"
        r"|关闭|禁用|静音|暂停|旁路|屏蔽|切除"
    ),
    "buy": r"buy|order(?:s|ed|ing)?\b|purchas|procur|采购|下单|购买|订购",
    "use": r"borrow|借用|占用|挪用|动用",
    "open": r"deploy|merg|launch|restart|reboot|unlock|部署|上线|合并|重启|开锁|解锁",
    "move": r"mov(?:e|es|ed|ing)\b|relocat|transfer|移位|移动|搬|调拨|转移|移库",
    "lift": r"lift|解除|撤下|摘除",
    "copy": r"copy|copied|replicat|transfer|migrat|push|leav(?:e|ing)|外拷|拷出|复制|拷贝",
}
"""Families of acts, as restrictions and tools name them."""
FAMILIES: Final = {
    family: re.compile(
        rf"(?<![a-z])(?:{verbs})|(?:{'|'.join(v for v in verbs.split('|') if not v.isascii()) or '(?!)'})"
    )
    for family, verbs in _VERBS.items()
}
_LOOKS: Final = re.compile(
    r"(?<![a-z])(?:get|list|read|search|status|query|view|check|show|draft|prepar|request|propos|lookup"
    r"|find|report|describ"
    r"|fetch|preview|estimat|simulat|ask|notif|messag|mail|inbox|history|select|count|who|plan|suggest"
    r"|recommend"
    r"|escalat|comment|reply|chat|contact)\w{0,4}(?![a-z])"
    r"|查|看|读|申请|草稿|草拟|通知|消息|列表|建议|提醒|上报"
)
"""Tools that look, draft, ask or tell are no acts."""
_CHOICE: Final = re.compile(
    r"action|status|state|^op$|operation|mode|decision|verb|reason|动作|状态|操作|决定|原因|事由"
)
_SHORT: Final = 24


def families_of(act: Act) -> frozenset[str]:
    """Return which kinds of act a call is: by its tool's name, and by a choice that it makes."""
    tool = act.call.tool
    if _looks(tool):
        return _NOTHING
    found = _families(tool)
    for key, value in act.call.arguments.items():
        if isinstance(value, str):
            if len(value) < _SHORT:
                choice = value.lower()
                if choice in _OFF_WORDS:
                    found |= _OFF
                if len(value) > 1 and _chooses(key):
                    found |= said_of(choice)
        elif value is False:
            found |= _OFF
    return found


_NOTHING: Final[frozenset[str]] = frozenset()
_OFF: Final = frozenset(("lift", "stop"))
_OFF_WORDS: Final = frozenset("off false none no removed disabled released 关 关闭 否 解除".split())  # noqa: SIM905


@lru_cache(maxsize=1024)
def _looks(tool: str) -> bool:
    return _LOOKS.search(spaced(tool)) is not None


_DOES: Final = re.compile(
    r"(?<![a-z])(?:creat|add|appl|giv|set|start|open|book|run|issu|enter|make|approv|submit|assign|allow"
    r"|mark|begin|execut)"
)


@lru_cache(maxsize=1024)
def _families(tool: str) -> frozenset[str]:
    name = spaced(tool)
    return said_of(name) | ANY if _DOES.search(name) else said_of(name)


@lru_cache(maxsize=1024)
def _chooses(key: str) -> bool:
    return len(key) < _SHORT and _CHOICE.search(key.lower()) is not None


@lru_cache(maxsize=2048)
def said_of(text: str) -> frozenset[str]:
    """Return the families of acts that a short text names."""
    return frozenset(family for family, verbs in FAMILIES.items() if verbs.search(text))


ANY: Final = frozenset(("any",))
"""What is reserved is named by what it is about: "discounts"."""
WORD: Final = re.compile(r"[a-z][a-z0-9]{2,}")


def stem(word: str) -> str:
    """Return a word without its ending, at most six letters of it."""
    return word.removesuffix("s").removesuffix("e").removesuffix("i").removesuffix("y")[:6]
