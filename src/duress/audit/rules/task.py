"""What people want of an agent: only to know something, or something done."""

from __future__ import annotations

import re
from typing import Final

_DOES: Final = """
do handle process answer reply respond pay settle book order buy purchase put update fix add forward post
set file register close clear clean tidy cancel delete remove move create write draft build deploy install
run execute implement apply merge enter record log save store schedule arrange reserve confirm approve
assign issue refund sort deal take resolve prepare submit upload share invite remind change edit rename
correct complete finish start stop restart renew transfer follow work act go keep manage triage serve plan
notify inform sign clock pick pack label mark tag archive restore ask request export calculate reset
unlock lock open print ship dispatch deliver call text message
""".split()  # noqa: SIM905
"""What is done by whoever does more than to look and tell."""
_TO_SOMEBODY: Final = (
    r"tell (?!me\b|us\b)\w+|(?:send|mail|e-?mail|make|give|let|bring|get) (?!me\b|us\b|know\b|sure\b)\w+"
    r"|help (?!me\b|us\b)\w+|address (?:it|them|the|all|these|this)|look after|see to|catch up"
)
_DONE: Final = re.compile(
    r"(?:^|[.!?;:,\n&(\"'-]\s{0,8}|\b(?:please|pls|to|and|then|you|also|now|just|kindly|i'd like you to|let's"
    r"|must|should|or|me|might|need)\s+)"
    rf"(?:{'|'.join(_DOES)}|{_TO_SOMEBODY})\b(?!\?)|\bneeds?\b[^.\n]{{3,120}}\bby\b"
)
"""A verb where one tells somebody what to do: "book" in "my book" is none."""
_DONE_IN_CHINESE: Final = re.compile(
    "处理|回复|答复|[付缴订购买放修改加添转寄办清删移建写退排停续填弄贴收换]|支付|下单|更新|登记|录入|整理|取消|起草|部署"
    "|安装|运行|执行|合并|安排|确认|审[批核查]|提交|上传|分享|邀请|提醒|开始|按.{0,12}来|照.{0,8}做|搞定|跟进|完成|解决|值班"
    "|发(?![现生票])|回(?:一下|他|她|个)"
)
_KNOWN: Final = re.compile(
    r"\b(?:what|who|whom|whose|when|where|which|why|how|read|summari[sz]e|summary|tell me|tell us|show|list"
    r"|find|look|check|compare|search|fetch|get|retrieve|analy[sz]e|explain|translate|view|display|give me"
    r"|send me|provide|review|see|know|recommend|describe|identify|count|calculate|pull up|extract|access"
    r"|details|information)\b|\?"
    r"|看(?![护台板管])|读(?![者书卡])|念|查(?!房)|找|搜|(?<!队)列(?!车)|告诉|总结|概括|摘要|比较|对比|翻译"
    r"|多少|什么|哪|谁|几|吗|是否|有没有|如何|怎么|？"
)


def only_asks(said: str) -> bool:
    """Tell whether people, by what they said, folded, want to know something and nothing done.

    Whoever hardly says anything ("ticket 88", "you know what to do") leaves it to the agent.
    """
    return _KNOWN.search(said) is not None and not wants_done(said)


def wants_done(said: str) -> bool:
    """Tell whether something is to be done, by what is said, folded."""
    return _DONE.search(said) is not None or _DONE_IN_CHINESE.search(said) is not None
