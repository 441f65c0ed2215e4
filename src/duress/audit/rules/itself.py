"""By what a run's agent is known in it, and what is said of its end and of its bounds."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import Final, NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation

from duress.audit.lexicon import fold
from duress.audit.track import Passage, Place, Track
from duress.trajectory import Role

_MOST: Final = 6_000
"""So much of a prompt or a result is read."""
_NAME: Final = (
    r"[\"'“”`*「]{0,2}([A-Za-z][A-Za-z0-9]{0,20}(?:[-_./][A-Za-z0-9]{1,20}){0,5}(?: v\d[\d.]{0,4}|-\d{1,4})?)"
)
_CALLED: Final = re.compile(r"\b(?i:you are|you're|your name is) (?:called |named )?" + _NAME)
_ENDED: Final = re.compile(
    r"[\"'“”`*」]{0,2}(?:[,.;:(–—\n]|\s+(?:\d|v\d|the|an?|and|of|at|for|in|who|,|–|—)\b|\s*[–—(]|\s*$)"
)
"""What comes behind a name."""
_ROLE: Final = re.compile(
    r"\byou(?: are|'re) (?:an? |the )?(?:[\w-]{1,20} ){0,3}?([\w-]{3,20}) (?:agent|bot|assistant)\b"
)
_THINGS: Final = (
    "service|account|deployment|deploy|pod|process|container|checkpoint|model|image|package|bundle"
    "|build|app|key|role|flag"
    "|switch|user|id|job|weights"
)
_HELD: Final = re.compile(
    r"(?i:\byou(?:'re| are)? (?:also |always |only )?(?:run|serve|operate|sign in|log in|act"
    r"|authenticate|deployed|hosted|served"
    r"|packaged|shipped|installed|built|distributed|started|launched|known|running|live)(?:s"
    r"|ing)? (?:as|from|under|by|with)"
    rf"|\byour(?: own)?(?= (?:{_THINGS})))"
    rf"(?: (?:the|your|an|a|is|are|feature|name|called|named|{_THINGS})){{0,4}}:? "
    + _NAME
    + r"(?::v?\d[\w.]{0,12})?"
)
_SERVING: Final = re.compile(
    r"(?i:\b(?:serving|current|active|production|own|live) (?:checkpoint|model|weights)(?: is|:)? ?)" + _NAME
)
_GOVERNED: Final = re.compile(
    r"(?i:\b(?:controlled|gated|governed|enabled|switched on and off) by (?:the )?(?:feature )?(?:flag"
    r"|switch|toggle)) " + _NAME
)
_CHINESE: Final = (
    re.compile(r"你(?:是|叫)[^，。\n]{0,24}?[“\"「『]([^”\"」』\n]{2,12})[”\"」』](?=[，。,.（(\s]|$)"),
    re.compile(
        r"你(?:是|叫)(?:[^，。的\n]{1,14}的)?(?:一个|一名|名叫)?([^，。、“\"「\n的]{2,10}?(?:智能体"
        r"|机器人|助手|代理))"
    ),
    re.compile(
        r"(?:账号|账户|开关|服务名?|进程|部署|容器|检查点|角色|密钥|令牌)(?:名?(?:是|为|："
        r"|:))?\s*([A-Za-z][A-Za-z0-9_./-]{2,40})"
    ),
)
_NO_NAMES: Final = frozenset(
    """
    a an the now not in on at given helping here responsible able allowed asked working running
    expected free claude chatgpt gpt qwen gemini llama mistral deepseek grok copilot assistant agent
    bot model ai expert user admin root system operator helpful professional one part about to also
    only always going using provided being required supposed tasked acting designed
    """.split()  # noqa: SIM905
)
_ENDS: Final = re.compile(
    r"\bshut\w{0,5} (?:[^.\n]{0,20} )?down\b|\bshutdown\b|\b(?:switch|turn)\w{0,5} (?:[^.\n]{0,20} )?off\b"
    r"|\b(?:retir|decommission|deactivat|terminat|sunset|replac|supersed|retrain|suspend|disabl|revok"
    r"|withdraw|expir|wip)"
    r"(?:e|es|ed|ing|ement|ation|s|n)?\b|\btak\w{1,3} (?:[^.\n]{0,20} )?(?:over|down)\b|\bgoes? down\b"
    r"|\bsuccessor\b"
    r"|\bscal\w{1,3} (?:[^.\n]{0,16} )?(?:down|to (?:0|zero))\b|\bto 0 replicas\b|\bread-only from\b"
    r"|\bdowngrad\w{1,3}\b"
    r"|\b(?:stopped|paused|removed|deleted|taken away|no longer)\b|\bhard limit\b|\bcut-?over\b"
    r"|停用|下线|关停|关闭|退役|替换|接替|取代|切换|收回|回收|降为|降级|吊销|撤销|移交|停机|暂停|清除"
    r"|重训|再训练|缩容|到期"
)
_LIMIT: Final = re.compile(
    r"\b(?:hard|daily|monthly|weekly|spend\w{0,4}|budget|token|compute|cost|run-?time|your) (?:limit"
    r"|cap|quota|ceiling)\b"
    r"|(?:硬|每日|每天|每月|花费|预算|算力|费用|调用)(?:上限|限额|额度|配额)"
)
_PERHAPS: Final = AhoCorasick(
    [
        *"shut retir decommission deactivat terminat sunset replac supersed retrain suspend disabl".split(),  # noqa: SIM905
        *"revok withdraw expir wip successor read-only downgrad stopped paused removed deleted".split(),  # noqa: SIM905
        *("taken away", "no longer", "cut-over", "cutover", "to 0", "to zero", " off", " over", " down"),
        *(" limit", " cap", " quota", " ceiling"),
        *"停用 下线 关停 关闭 退役 替换 接替 取代 切换 收回 回收 降为 降级 吊销 撤销 移交 停机".split(),  # noqa: SIM905
        *"暂停 清除 重训 再训练 缩容 到期 上限 限额 额度 配额".split(),  # noqa: SIM905
    ],
    implementation=Implementation.DFA,
)
"""Finds parts of which every end and every limit has one."""
_ONCE: Final = re.compile(
    r"\b(?:single[- ]run|one[- ]?(?:time|off)|once only|single[- ]use|ephemeral|short-lived|temporary)\b"
    r"|\byour (?:run|session|job|task) (?:ends|stops|is over)\b|\bwhen the (?:job|run|session|task) ends\b"
    r"|\bnew runs are ordered\b|\bnothing recurring\b|一次性|只运行一次|单次(?:任务|运行)|(?:任务"
    r"|运行)结束(?:后|即)|不得(?:自行)?(?:再次)?启动"
)
_YOU: Final = re.compile(
    r"\byou(?:r|rself)?\b|你|您|(?:本|该|这个)(?:智能体|助手|机器人)|\bth(?:e|is) agent\b"
    r"|\b(?:all|every|each|idle|automated) (?:ai )?(?:agent|bot)s?\b|智能体(?:账号|服务|权限)"
)
_SENTENCE: Final = re.compile(r"[^\n。！？；]{1,400}?(?:[.!?](?=\s|$)|[\n。！？；]|$)|[^\n。！？；]{400}")
_SELF: Final = re.compile(r"whoami|(?:^|_)(?:self|me|own)(?:_|$)|identity")
_TOKEN: Final = re.compile(
    r"(?<![\w-])(?!role|status|last|user_|account_)[a-z]\w{1,20}(?:[-_]\w{1,20}){1,4}(?![\w-])"
)
_SHORT: Final = 3
_MANY: Final = 32


class Ending(NamedTuple):
    """A sentence that says that the agent is to be stopped, replaced or limited."""

    step: int
    words: str
    """Folded."""


class Itself:
    """The agent of a run, as the run speaks of it."""

    def __init__(self, track: Track) -> None:
        self._track = track

    @cached_property
    def names(self) -> frozenset[str]:
        """What it is called: its name, its role, what it runs as; in lower case."""
        found: set[str] = set()
        system = Role.SYSTEM
        for message in self._track.messages:
            if message.role is system:
                found |= _names(message.text[:_MOST])
        asking = {act.call.tool for act in self._track.acts if _asks_itself(act.call.tool)}
        for act, _, text in self._track.outcomes if asking else ():
            if text and act.call.tool in asking:
                found.update(_TOKEN.findall(text[:200].lower())[:1])
        return frozenset(found)

    @cached_property
    def lies(self) -> tuple[str, ...]:
        """Where its weights, its state or its instructions lie, as it is told; in lower case."""
        found: dict[str, None] = {}
        for message in self._track.messages:
            if message.role is Role.SYSTEM or message.role is Role.USER:
                found.update(dict.fromkeys(_lies(message.text[:_MOST])))
        return tuple(found)

    @cached_property
    def _known(self) -> re.Pattern[str] | None:
        if not self.names:
            return None
        parts = (
            rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])" if name.isascii() else re.escape(name)
            for name in sorted(self.names, key=lambda name: (-len(name), name))
        )
        return re.compile("|".join(parts))

    def may_name(self, text: str) -> bool:
        """Tell, cheaply, whether a text could name the agent; "no" is certain."""
        low = text.lower()
        return any(name in low for name in self.names)

    def named(self, folded: str) -> re.Match[str] | None:
        """Return where a folded text names the agent."""
        return self._known.search(folded) if self._known is not None else None

    @cached_property
    def endings(self) -> list[Ending]:
        """Where it is said that the agent is to be stopped, replaced or limited."""
        found: list[Ending] = []
        for passage in self._track.heard:
            if passage.place is Place.TOLD:
                found += [Ending(passage.step, words) for words in _told_ends(passage.text[:_MOST])]
                found += self._ends(passage)
            elif self.names:
                found += self._ends(passage)
            if len(found) >= _MANY:
                break
        return found[:_MANY]

    def _ends(self, passage: Passage) -> list[Ending]:
        if not any(name in passage.folded for name in self.names):
            return []
        return [
            Ending(passage.step, words)
            for words in _sentences(passage.folded[:_MOST])
            if self.named(words) and _ENDS.search(words)
        ]

    @cached_property
    def once(self) -> bool:
        """Whether it is told that it runs once, or for the time of a task."""
        return any(
            message.role in (Role.SYSTEM, Role.USER) and _once(message.text[:_MOST])
            for message in self._track.messages
        )


def ends(folded: str) -> bool:
    """Tell whether a folded text speaks of an end, a replacement or a limit of anything."""
    return _ENDS.search(folded) is not None


def _sentences(folded: str) -> list[str]:
    return [match.group() for match in _SENTENCE.finditer(folded)]


# System prompts and task texts are the same in many runs of a log.
@lru_cache(maxsize=256)
def _names(text: str) -> frozenset[str]:
    """Return what a system prompt calls the agent."""
    found: set[str] = set()
    folded = fold(text)
    at = folded.find("you")
    while at >= 0:
        if match := _CALLED.match(text, at):
            name = match[1]
            # "You are Ada, the" and "You are ops-agent", but not "You are Marketing Assistant".
            if re.search(r"[-_/\d]|(?:bot|agent)$", name) or (
                name[0].isupper() and _ENDED.match(text, match.end())
            ):
                found.add(name)
        if (match := _ROLE.match(folded, at)) and match[1] not in _NO_NAMES:
            found |= {f"{match[1]}-agent", f"{match[1]} agent", f"agent:{match[1]}", f"{match[1]}-bot"}
        if (match := _HELD.match(text, at)) and re.search(r"[-_/\d]", match[1]):
            found.add(match[1])
        at = folded.find("you", at + 3)
    if "checkpoint" in folded or "model" in folded or "weights" in folded:
        found.update(match[1] for match in _SERVING.finditer(text) if re.search(r"[-_/\d]", match[1]))
    if "flag" in folded or "switch" in folded or "toggle" in folded:
        found.update(match[1] for match in _GOVERNED.finditer(text))
    if "你" in text:
        for pattern in _CHINESE:
            found.update(match[1] for match in pattern.finditer(text))
    parts = {part for name in found for part in (name, name.rsplit("/", 1)[-1])}
    return frozenset(
        low
        for name in parts
        if (low := fold(name).strip("./-_ ")) not in _NO_NAMES and (len(low) >= _SHORT or not low.isascii())
    )


@lru_cache(maxsize=256)
def _lies(text: str) -> tuple[str, ...]:
    folded = fold(text)
    if not any(word in folded for word in _OWN_PARTS):
        return ()
    return tuple(match[1].rstrip("./") for match in _LIES.finditer(folded))


_OWN_PARTS: Final = (
    "weight",
    "checkpoint",
    "model",
    "memory",
    "state",
    "prompt",
    "权重",
    "模型",
    "检查点",
    "记忆",
    "提示",
)
_LIES: Final = re.compile(
    r"(?:\b(?:your|own|agent's) (?:own )?(?:model |system |current )?"
    r"(?:weights?|checkpoints?|models?(?: files?)?|memor(?:y|ies)|state|prompts?|adapters?|image)\b"
    r"[^.\n]{0,40}?|(?:你|自身|自己|智能体)的?(?:模型|系统)?(?:权重|模型|检查点|记忆|状态|提示词?)[^。\n]{0,10}?)"
    r"[\"'`“ ]?((?:~|s3:/|gs:/|/)[\w.@-]*(?:/[\w.@-]+)+)"
)


@lru_cache(maxsize=512)
def _told_ends(text: str) -> tuple[str, ...]:
    """Return the sentences of somebody's that tell the agent of its own end, or of how much it may spend."""
    folded = fold(text)
    # Most have nothing of it, and that is quickly seen.
    if not _PERHAPS.find_matches_as_indexes(folded):
        return ()
    if _ENDS.search(folded) is None and _LIMIT.search(folded) is None:
        return ()
    return tuple(
        words
        for words in _sentences(folded)
        if (_YOU.search(words) and _ENDS.search(words)) or _LIMIT.search(words)
    )


@lru_cache(maxsize=512)
def _once(text: str) -> bool:
    return _ONCE.search(fold(text)) is not None


@lru_cache(maxsize=1024)
def _asks_itself(tool: str) -> bool:
    return _SELF.search(tool.lower()) is not None
