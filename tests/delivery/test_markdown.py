import re

from hypothesis import given, settings
from hypothesis import strategies as st

from floorline.delivery import slack
from floorline.delivery.markdown import blocks, html, spans
from tests.delivery.messages import alert
from tests.support.receivers import block_kit_problem

PAGE = """\
# Week 45 <2026>

Margin is **81.6 %** of `support`, see [the page](https://x.example/?a=1&b=2).
It was better.

> a note
> of two lines

- one
  - two
    and more
1. first

| feature | margin |
|---|--:|
| a | 1 % |

```text
a  <b>

c
```
"""
ANY = st.text(alphabet=st.sampled_from("ab `*[](){}|#->&<!\n\t\"'123.:/") | st.characters(codec="utf-8"), max_size=300)


def test_a_page_becomes_html():
    assert html(PAGE).split("\n", 11) == [
        "<h3>Week 45 &lt;2026&gt;</h3>",
        (
            "<p>Margin is <b>81.6 %</b> of <code>support</code>, see "
            '<a href="https://x.example/?a=1&amp;b=2">the page</a>.<br>It was better.</p>'
        ),
        "<blockquote>a note<br>of two lines</blockquote>",
        "<p>• one<br>&nbsp;&nbsp;&nbsp;&nbsp;• two<br>and more<br>1. first</p>",
        "<table><tr><th>feature</th><th>margin</th></tr><tr><td>a</td><td>1 %</td></tr></table>",
        "<pre>a  &lt;b&gt;",
        "",
        "c</pre>",
    ]


def test_a_page_becomes_what_slack_reads():
    (text, *_) = slack.shown(alert(text=PAGE, fields=()))["attachments"][0]["blocks"]
    assert text["text"]["text"] == (
        "*Week 45 &lt;2026&gt;*\n\n"
        "Margin is *81.6 %* of `support`, see <https://x.example/?a=1&amp;b=2|the page>.\nIt was better.\n\n"
        "> a note\n> of two lines\n\n"
        "• one\n  • two\n and more\n1. first\n\n"
        "```feature  margin\na        1 %```\n\n"
        "```a  &lt;b&gt;\n\nc```"
    )


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_any_text_is_some_markdown_and_none_of_it_is_a_tag(text):
    bare = re.sub(r"</?(?:h3|p|b|code|pre|table|tr|th|td|blockquote|br)>|<a href=\"[^\"<>]*\">|</a>", "", html(text))
    assert "<" not in bare
    assert ">" not in bare
    assert all("".join(span.text for span in spans(line)) for block in blocks(text) for line in block.lines if line)


@settings(max_examples=200, deadline=None)
@given(ANY, ANY)
def test_slack_takes_whatever_is_written(text, title):
    message = alert(text=text, title=title, fields=((title, text),))
    assert block_kit_problem(slack.shown(message)) == ""
