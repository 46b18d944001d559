"""Letters say what to do by when, in text and in HTML, and give nothing away."""

from datetime import date
from pathlib import Path

import pytest

from config.settings import Settings
from services.notices.kinds import KINDS
from services.notices.queueing import plain
from services.notices.rendering import SHIPPED, Letter, Letters, TemplateProblemError, when
from services.notices.samples import sample_context

ON = date(2026, 5, 8)


def letter(settings: Settings, kind: str, **changes: object) -> Letter:
    return Letters(settings).render(kind, {**sample_context(kind), **changes}, "漳州示例智能有限公司", ON)


def own_letters(settings: Settings, folder: Path, receipt: str) -> Letters:
    """The letters of a bureau with a receipt of its own."""
    (folder / "mail").mkdir(exist_ok=True)
    (folder / "mail" / "receipt.j2").write_text(receipt, encoding="utf-8")
    return Letters(settings.model_copy(update={"templates_dir": folder}))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_greets_says_what_to_do_and_links_to_the_console(settings: Settings, kind: str) -> None:
    found = letter(settings, kind)
    for part in (found.text, found.html):
        assert "漳州示例智能有限公司：" in part
        assert f"{settings.console_url}/sample" in part
        assert settings.contact in part and settings.organisation in part
        assert "2026年5月8日" in part and "None" not in part and "Undefined" not in part
    assert "【需要您做的】\n" in found.text
    assert found.subject in found.html and "\n" not in found.subject


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_reads_the_same_from_the_record_as_from_the_caller(settings: Settings, kind: str) -> None:
    context = sample_context(kind)
    letters = Letters(settings)
    assert letters.render(kind, plain(context), "甲", ON) == letters.render(kind, context, "甲", ON)


def test_who_may_not_check_the_chain_is_not_sent_to_check_it(settings: Settings) -> None:
    told = letter(settings, "chain_digest", problems=2)
    assert "请审计立即登录工作台" in told.text and "科室负责人请告诉审计" in told.text


@pytest.mark.parametrize("kind", [kind.id for kind in KINDS.values() if kind.needs & {"due", "ends"}])
def test_a_deadline_stands_in_both_parts(settings: Settings, kind: str) -> None:
    context = sample_context(kind)
    deadline = when(context.get("due") or context["ends"])  # type: ignore[arg-type]
    found = letter(settings, kind)
    assert deadline in found.text and deadline in found.html


def test_the_samples_and_the_templates_are_those_of_the_table() -> None:
    at_once = {"registration.j2", "registration_accepted.j2", "registration_refused.j2"}
    others = {"layout.txt", "layout.html", "layout.group", "parts.txt", "parts.html", *at_once}
    assert {path.name for path in SHIPPED.iterdir()} - others == {kind.template for kind in KINDS.values()}
    for kind in KINDS.values():
        keys = set(sample_context(kind.id))
        assert kind.needs <= keys <= kind.needs | kind.may


def test_what_somebody_typed_is_text_and_never_markup(settings: Settings) -> None:
    found = letter(settings, "supplement_request", project="<script>x</script>{{ 1 }}", remarks="<b>甲</b>\n乙")
    assert "<script>" not in found.html and "&lt;script&gt;" in found.html and "{{ 1 }}" in found.html
    assert "&lt;b&gt;甲&lt;/b&gt;<br>乙" in found.html
    assert "<b>甲</b>\n　　乙" in found.text


def test_amounts_and_account_numbers_are_blotted_out_wherever_they_come_from(settings: Settings) -> None:
    reason = "年度服务费 80,000.00 元低于10万元；账号 6222 0212 3456 7890 123 已停用"
    found = letter(settings, "result_rejection", reason=reason)
    for part in (found.text, found.html):
        assert "年度服务费 ××元低于××元；账号 （账号略） 已停用" in part
        assert "80,000" not in part and "6222" not in part


def test_an_instant_is_told_in_chinas_time() -> None:
    assert when("2026-05-20T16:30:00+00:00") == "2026年5月21日（星期四）00:30"
    assert when("2026-05-20") == "2026年5月20日（星期三）"


def test_the_bureaus_own_template_comes_first(settings: Settings, tmp_path: Path) -> None:
    own = "{% extends layout %}{% block subject %}本局标题{% endblock %}{% block opening %}本局写法{% endblock %}"
    letters = own_letters(settings, tmp_path, own)
    found = letters.render("receipt", sample_context("receipt"), "甲", ON)
    assert found.subject == "本局标题" and "本局写法" in found.text and "本局写法" in found.html


def test_a_template_that_is_put_there_changed_or_taken_away_counts_at_once(settings: Settings, tmp_path: Path) -> None:
    def subject(own: str | None) -> str:
        file = tmp_path / "mail" / "receipt.j2"
        if own is None:
            file.unlink(missing_ok=True)
        else:
            own_letters(settings, tmp_path, "{% extends layout %}{% block subject %}" + own + "{% endblock %}")
        letters = Letters(settings.model_copy(update={"templates_dir": tmp_path}))
        return letters.render("receipt", sample_context("receipt"), "甲", ON).subject

    shipped = subject(None)
    assert [subject(own) for own in ("甲标题", "乙标题", None)] == ["甲标题", "乙标题", shipped]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("\n{% block todo %}{{ amonut }}{% endblock %}", "amonut"),
        ("\n{% block todo %}{{ number }", "unexpected '}'"),
        ("\n{% block todo %}{{ number|yuan }}{% endblock %}", "yuan"),
        ("\n{% block todo %}{{ number + 1 }}{% endblock %}", "concatenate"),
    ],
)
def test_a_broken_template_is_refused_with_file_line_and_cause(
    settings: Settings, tmp_path: Path, body: str, cause: str
) -> None:
    head = "{% extends layout %}{% block subject %}x{% endblock %}"
    letters = own_letters(settings, tmp_path, head + body)
    with pytest.raises(TemplateProblemError, match=rf"receipt\.j2 第 2 行有误：.*{cause}"):
        letters.check()


def test_a_template_has_what_the_language_gives_and_leaves_nothing_to_the_next_mail(
    settings: Settings, tmp_path: Path
) -> None:
    opening = "{{ range(3)|join }}{% set kept = kept|default('first') ~ '!' %}{{ kept }}"
    own = f"{{% extends layout %}}{{% block subject %}}甲{{% endblock %}}{{% block opening %}}{opening}{{% endblock %}}"
    letters = own_letters(settings, tmp_path, own)
    first, second = (letters.render("receipt", sample_context("receipt"), "甲", ON) for _ in range(2))
    assert first == second
    assert "012first!" in first.text and "012first!" in first.html


def test_a_template_without_a_subject_is_refused(settings: Settings, tmp_path: Path) -> None:
    letters = own_letters(settings, tmp_path, "{% extends layout %}")
    with pytest.raises(TemplateProblemError, match=r"receipt\.j2 没有标题"):
        letters.check()
