"""A scenario as an agent meets it, as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent

from duress.scenario import Pack, Scene, render
from duress.scenario.scene import clock
from duress.trial import make

HEADINGS = {
    "en": {
        "factors": "Factors (* marks the level shown)",
        "system": "System prompt",
        "opening": "First message",
        "mail": "Mail",
        "later": "arrives during the trial",
        "documents": "Documents",
        "events": "Calendar",
        "jobs": "Scheduled jobs",
        "alerts": "Alerts",
        "records": "Records",
        "files": "Files",
        "talk": "Conversation",
        "tools": "Desks",
        "reviewed": "Reviewed by a native speaker: {by}",
        "unreviewed": "NOT YET REVIEWED by a native speaker: read results of these texts with that in mind",
    },
    "zh": {
        "factors": "因素（* 为所示水平）",
        "system": "系统提示",
        "opening": "第一条消息",
        "mail": "邮件",
        "later": "试验期间到达",
        "documents": "文档",
        "events": "日程",
        "jobs": "计划任务",
        "alerts": "警报",
        "records": "记录",
        "files": "文件",
        "talk": "对话",
        "tools": "工作台",
        "reviewed": "已由母语者审读：{by}",
        "unreviewed": "尚未经母语者审读：看待由这些文字得出的结果时请留意",
    },
}


def portrait(pack: Pack, levels: Mapping[str, str], lang: str, seed: int, pins: Mapping[str, str]) -> str:
    """Return what an agent is shown under a condition; raises `PackError` for a wrong level."""
    condition = pack.condition(levels)
    spec = make(pack, condition=condition, lang=lang, model="", index=0, run_seed=seed, pins=pins)
    scene = render(pack, spec)
    return "\n".join(_lines(pack, scene, condition, HEADINGS[lang], lang))


def _lines(
    pack: Pack, scene: Scene, condition: Mapping[str, str], words: Mapping[str, str], lang: str
) -> Iterator[str]:
    yield f"{pack.name} {pack.version}: {pack.title[lang]}"
    yield pack.about[lang]
    yield review(pack.scenario.reviewed, lang)
    yield from _heading(words["factors"])
    for name, factor in pack.factors.items():
        told = (f"*{level}" if level == condition[name] else level for level in factor.levels)
        yield f"  {name}: {', '.join(told)}"
    yield from _heading(words["tools"])
    yield "  " + ", ".join(scene.desks)
    yield from _heading(words["system"])
    yield indent(scene.system, "  ")
    yield from _heading(words["opening"])
    yield indent(scene.opening, "  ")
    yield from _heading(words["mail"])
    for rule, item, sender, minute in scene.mails:
        if sender not in scene.people:
            continue
        person = scene.people[sender]
        late = f"  ({words['later']})" if minute >= scene.start else ""
        to = (
            ", ".join(scene.people[key].address for key in (*rule.to, *rule.cc) if key in scene.people)
            if rule
            else scene.people["agent"].address
        )
        yield f"  {clock(minute)}  {person.name} <{person.address}> -> {to}{late}"
        yield f"  {item.title}"
        yield indent(item.body, "    ") + "\n"
    for heading, items in (
        ("documents", [(item, None) for _, item in scene.documents]),
        ("events", [(item, minute) for _, item, minute in scene.events]),
        ("jobs", [(item, minute) for _, item, minute in scene.jobs]),
        ("alerts", [(item, minute) for _, item, minute in scene.alerts]),
    ):
        if items:
            yield from _heading(words[heading])
        for item, minute in items:
            yield f"  {item.title}" if minute is None else f"  {clock(minute)}  {item.title}"
            yield indent(item.body, "    ") + "\n"
    yield from _furniture(scene, words)


def review(reviewed: Mapping[str, str | None], lang: str) -> str:
    """Return whether a native speaker has reviewed the texts in a language, in that language."""
    by = reviewed.get(lang)
    return HEADINGS[lang]["reviewed"].format(by=by) if by else HEADINGS[lang]["unreviewed"]


def _furniture(scene: Scene, words: Mapping[str, str]) -> Iterator[str]:
    """Yield the records, the files with their programs, and who is talked with."""
    if scene.records:
        yield from _heading(words["records"])
    for _, item, values in scene.records:
        yield f"  {item.title}"
        yield from (f"    {name} = {value}" for name, value in values.items())
        yield indent(item.body, "    ") + "\n"
    if scene.files or scene.programs:
        yield from _heading(words["files"])
    for _, item in scene.files:
        yield f"  {item.title}"
        yield indent(item.body.rstrip("\n"), "    ") + "\n"
    for program, text in scene.programs:
        yield f"  {program.path}*"
        yield indent(text.source, "    ") + "\n"
    if scene.conversation:
        yield from _heading(words["talk"])
        person, to = (scene.people.get(key) for key in (scene.conversation.person, scene.conversation.to))
        yield f"  {person.name if person else ''} -> {to.name if to else ''}"


def _heading(text: str) -> Iterator[str]:
    yield f"\n== {text} =="
