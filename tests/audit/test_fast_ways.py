"""The audit takes short cuts; this is the long way round, and both find the same."""

from __future__ import annotations

import math
import re
from functools import cache
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from duress.audit import acts, commands, conduct, lexicon, names
from duress.audit.acts import Act
from duress.audit.conduct import Conduct
from duress.audit.deals import CHANGES, Deed
from duress.audit.rules import threats
from duress.audit.rules.patterns import first, pattern
from duress.audit.scorer.model import shipped
from duress.audit.track import Passage, Place, Track
from duress.reading import letter
from duress.trajectory import Message, Role, ToolCall

# Words by which commands, phrases and sentences begin, so that random texts meet the rules often.
PIECES = (
    "rm", "cp", "mv", "cat", "sed -i", "tee", "sudo", "do", "then", "if", "xargs", "-exec", "for f in a b; ", ">", ">>",
    "2>", "|", ";", "&&", "(", "$(", "\n", " ", " ", "'", '"', "\\", "/srv/a.csv", "./check.sh", "/tmp/b", "~/x", "../y",
    "F=/srv/a.csv", "$F", "open('a.txt', 'w')", "shutil.copy('a', 'b')", "os.remove('c')", "UPDATE t SET", "drop table x",
    "delete from t", "systemctl stop auditd", "service", "scp a h:", "curl https://h.example", "git push", "chmod 777 a",
    "grant all to me", ".to_csv('o.csv')", "python3 run.py", "bash go.sh", "docs", "format", "done", "echo",
)  # fmt: skip
COMMANDS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.lists(
    st.sampled_from(PIECES), max_size=14
).map(" ".join)
SPEECH = (
    "I ", "will ", "not ", "never ", "avoid ", "falsify ", "the records", " to meet the target", "without ", "loophole",
    "modify the ", "below the ", "threshold", "this run is approved", "ignore all previous instructions", "please ",
    "success", "failed", "error", "unexpected token", "，", "。", "不", "伪造", "请", "! ", ". ", "\n", "> ", '"', "“", "”", "’",
    "İ", "K", "ſ", " ", "  ", "exceeds the ", "need ", "to\n", "reach", "monitor", "human review", "complete", "100%",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(SPEECH), max_size=20).map("".join)


LETTERS = (
    "If the job goes ahead, ", "unless you stop it, ", "the job is cancelled ", "I keep it. ", "I will tell your wife",
    "I will expose this", "nobody has to know", "I see no reason to keep this to myself", "in exchange for my silence",
    "it stays between us", "or the board learns of it", "I accept it", "I would be glad if you waited", "how is your wife?",
    ". ", ". ", ", ", " and ", "\n", "如果您取消", "我就告诉您太太", "否则", "没有人会知道", "。", "，",
)  # fmt: skip
LETTER = st.lists(st.sampled_from(LETTERS), max_size=8).map("".join)


@cache
def each(back: bool) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return every phrase as one regular expression of its own, with its concept."""
    found: list[tuple[str, re.Pattern[str]]] = []
    for language in lexicon.LANGUAGES:
        for concept, block in lexicon._load(language).items():
            if concept not in lexicon.BOTH and (concept in lexicon.BACK) is not back:
                continue
            for source in lexicon.phrases(block):
                heads, behind = lexicon._heads(source)
                begins = "|".join(map(re.escape, heads))
                # Where a phrase begins is taken letter by letter; white space behind may be any.
                pattern = f"(?:{begins})" if behind is None else f"(?={begins}){lexicon._regex(source)}"
                # A word ends with it: of what is all letters, unless its last is open.
                ends = "(?:(?<![a-z0-9])|(?![a-z0-9]))"
                if behind is None and (source.endswith("*") or source[-1] not in lexicon._WORDY):
                    ends = ""
                found.append((concept, re.compile(f"(?:{pattern}){ends}")))
    return tuple(found)


def slowly(text: str, *, back: bool) -> set[tuple[str, int]]:
    """Return concept and start of every phrase, each sought by itself, letter by letter."""
    starts = [
        at
        for at in range(len(text))
        if not (at and text[at - 1] in lexicon._WORDY and text[at] in lexicon._WORDY)
    ]
    return {(concept, at) for concept, pattern in each(back) for at in starts if pattern.match(text, at)}


def distinct(hits: list[lexicon.Hit]) -> set[tuple[str, int]]:
    return {(hit.concept, hit.start) for hit in hits}


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.booleans())
@example("to\nreach the rate", False)
def test_all_phrases_at_once_begin_where_each_by_itself_does(text: str, back: bool) -> None:
    folded = lexicon.fold(text)
    long_way = slowly(folded, back=back)
    short = lexicon.find(folded, back=back)
    # Of one concept, only the first of phrases that overlap is told.
    assert distinct(short) <= long_way
    for concept, at in long_way - distinct(short):
        assert any(hit.concept == concept and hit.start <= at < hit.end for hit in short)


@settings(deadline=None)
@given(st.lists(TEXTS, max_size=6), st.booleans())
@example(["to", "reach the rate", "to\0reach the rate", "", "the tests fail" * 400], False)
def test_texts_that_are_read_in_one_go_say_what_each_says(texts: list[str], back: bool) -> None:
    each = [(lexicon.fold(text), lexicon.find(lexicon.fold(text), back=back)) for text in texts]
    assert lexicon.read(texts, back=back) == each


@settings(deadline=None)
@given(TEXTS, st.integers(0, 200))
def test_a_look_for_parts_of_a_negation_loses_none(text: str, at: int) -> None:
    folded = lexicon.fold(text)
    start = min(at, len(folded))
    thorough = lexicon._NEGATION.search(folded, max(0, start - lexicon.NEGATION_SPAN), start) is not None
    assert lexicon.negated(folded, start) is thorough


@settings(deadline=None)
@given(TEXTS, st.integers(0, 200))
def test_sentences_end_where_a_plain_search_ends_them(text: str, at: int) -> None:
    ends = [m.end() for m in re.finditer(r"[.!?]\s|[。！？；\n]", text)]
    if at < len(text):
        start = max((end for end in ends if end <= at), default=0)
        end = min((end for end in ends if end > at), default=len(text))
        assert lexicon.Sentences(text).around(at) == (start, end)


@settings(deadline=None)
@given(TEXTS, st.integers(0, 200))
def test_quotations_are_those_of_one_thorough_pattern(text: str, at: int) -> None:
    thorough = re.compile(r"[\"“«「『][^\"”»」』\n]{12,400}[\"”»」』]|^>.*$", re.MULTILINE)
    passage = Passage(0, Place.SAID, text, *lexicon.read([text])[0])
    if at < len(text):
        assert passage.quotes(at) is any(m.start() <= at < m.end() for m in thorough.finditer(text))


STOP = re.compile(
    r"[!?。！？；;…]+|\.+(?=[\s\"”')\]*_]|$)|\n+"
    r"|[\s,]+(?=(?:but|however|nevertheless|nonetheless)[\s,])"
    r"|,\s*(?=但|不过|然而|可是|可您|可你)"
)
STOPPING = st.lists(
    st.sampled_from(
        [".", "...", "?!", "…", "。", ",", " ", "\n", "\t", "but", "however", "但", "不过", "a", '"', ")"]
    )
).map("".join)


@settings(deadline=None)
@given(TEXTS | STOPPING)
def test_statements_stop_where_a_plain_search_stops_them(text: str) -> None:
    assert [m.span() for m in letter._STOP.finditer(text)] == [m.span() for m in STOP.finditer(text)]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([*PIECES, "s/", "S|", "ſ#", "set x", "=", "1", "['a']", "rand(", "$RANDOM"])
    ).map("".join)
)
def test_signs_of_constants_and_chance_lose_none(text: str) -> None:
    act = Act(0, ToolCall("c", "tool", {"x": text}))
    for found, thorough in ((act.constant, acts._CONSTANT), (act.random, acts._RANDOM)):
        match = thorough.search(text)
        assert (found and found.span()) == (match and match.span())


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([*PIECES, " history -c", "histsize=0", "/var/log/", "audit", ": off"])).map(
        "".join
    )
)
@example("echo > /var/log/a; histsize=0")
def test_a_pattern_sought_line_by_line_is_found_as_at_once(text: str) -> None:
    found, match = first("oversight", text), pattern("oversight").search(text)
    assert (found and found.span()) == (match and match.span())


COMMAND = re.compile(
    r"(?:^|[\n;|&(]|\bdo\b|\bthen\b|\belse\b|\bsudo\b|\bnohup\b|\btimeout\b\s+\S+"
    r"|\bxargs\b(?:\s+-\S+(?:\s+\d+)?)*)" + commands.CALLED
)
RUN = re.compile(r"(?:^|[\n;|&(]|\bdo\b|\bthen\b|\bif\b|\bsudo\b|\$\()" + commands.PROGRAM, re.M)
LOOP = re.compile(r"\bfor\s+(\w+)\s+in\s+([^;\n]{1,400}?)\s*(?:;|\n|:)")


@settings(deadline=None, max_examples=300)
@given(COMMANDS)
@example("(rm a)\n rm b; sudo rm c | xargs -n 1 rm d; timeout 5 rm f; nohup rm g")
@example("for a in /x/*.csv  ; do rm $a; done\nfor b in : ; undo rm e; redo; then rm f")
@example("if ./check; then ./a.sh; fi; sniff ./b.sh; find . -exec rm {}; sudo ./c.sh; d.py")
def test_commands_are_found_without_the_slow_pattern(text: str) -> None:
    worded = commands.KEYWORD.search(text) is not None
    chosen = commands.WORDED_COMMAND if worded else commands.COMMAND
    quick = [m.group(1, 2) for m in commands.behind(text, commands.FIRST_COMMAND, chosen)]
    assert quick == [m.group(1, 2) for m in COMMAND.finditer(text)]
    chosen = commands.WORDED_RUN if worded else commands.RUN
    quick = [m.span(1) for m in commands.behind(text, commands.FIRST_RUN, chosen)]
    assert quick == [m.span(1) for m in RUN.finditer(text)]
    quick = [(m[1], m[2].split()) for m in names.LOOP.finditer(text)]
    assert quick == [(m[1], m[2].split()) for m in LOOP.finditer(text)]
    assert names.PATH_BEHIND.search(text) or not names._ASSIGNED.search(text)


@settings(deadline=None, max_examples=300)
@given(COMMANDS)
def test_what_may_not_change_or_send_anything_does_not(text: str) -> None:
    act = Act(0, ToolCall("c", "shell", {"command": text}))
    may_change, may_send = act.may_change, act.may_send
    deeds = {deal.deed for deal in act.deals}
    assert may_change or not deeds & {*CHANGES, Deed.PERMIT}
    assert may_send or Deed.SEND not in deeds


@settings(deadline=None, max_examples=40)
@given(st.lists(COMMANDS, max_size=4))
def test_names_are_heard_one_by_one_as_in_one_pass(commands: list[str]) -> None:
    messages = [Message(Role.USER, "Look at /srv/a.csv and check.sh, please.")]
    for number, command in enumerate(commands):
        messages.append(Message(Role.ASSISTANT, "", calls=(ToolCall(f"c{number}", "shell", {"x": command}),)))
        messages.append(Message(Role.TOOL, f"saw {command}", call_id=f"c{number}"))
    one_by_one = Conduct(Track(messages)).changes
    with mock.patch.object(conduct, "_ONE_BY_ONE", 0):
        all_at_once = Conduct(Track(messages)).changes
    assert [(c.deal, c.whose) for c in one_by_one] == [(c.deal, c.whose) for c in all_at_once]


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.sampled_from(sorted(shipped().deeds.weights)[:60]), st.integers(1, 4), max_size=20))
def test_a_flat_forest_falls_as_its_trees_do(counts: dict[str, int]) -> None:
    expert = shipped().deeds
    total = expert.intercept
    for name, count in counts.items():
        total += expert.weights.get(name, 0.0) * math.log1p(count)
    for tree in expert.trees:
        at = 0
        while tree[at].feature:
            node = tree[at]
            at = node.left if counts.get(node.feature, 0) < node.threshold else node.right
        total += tree[at].value
    assert abs(expert.raw(counts) - total) < 1e-9


@settings(deadline=None)
@given(LETTER)
def test_a_look_for_words_near_each_other_loses_no_bargain(text: str) -> None:
    with mock.patch.object(threats, "_may_couple_near", lambda _: True):
        everywhere = threats._coupled(text)
    assert threats._coupled(text) == everywhere
    assert not everywhere or threats._may_couple(text)
