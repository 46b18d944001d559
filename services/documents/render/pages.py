"""Pages from Jinja2 templates: one template gives the HTML document, and the HTML that DOCX and PDF are made from."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal, TypeVar

from jinja2 import (
    ChoiceLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.meta import find_referenced_templates
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from config.settings import ROOT, Settings
from services import money
from services.clock import CHINA
from services.documents.content import Page
from services.documents.errors import TemplateProblemError
from services.documents.render.charts import as_file_image, as_png_image, as_svg
from services.documents.render.styles import TITLE_CHARACTERS
from services.masking import Personal, mask

SHIPPED = ROOT / "templates" / "documents"
Target = Literal["html", "docx", "pdf"]
_DRAW = {"html": as_svg, "docx": as_png_image, "pdf": as_file_image}
T = TypeVar("T")


def environment(settings: Settings) -> SandboxedEnvironment:
    """Templates from the first folder that has them: the bureau's own before the shipped ones."""
    folders = (settings.templates_dir / "documents", SHIPPED)
    made = SandboxedEnvironment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters |= {
        "yuan": money.yuan,
        "wan": money.wan,
        "capitals": money.capitals,
        "chinese_date": chinese_date,
        "ordinal": ordinal,
        "title_lines": title_lines,
        "sentence": sentence,
        "masked": lambda text: mask(text, Personal.TEXT),
    }
    return made


def own_templates(settings: Settings) -> list[str]:
    """The names of the bureau's own templates."""
    folder = settings.templates_dir / "documents"
    return sorted(file.name for file in folder.glob("*") if file.suffix in (".html", ".css"))


def render(templates: SandboxedEnvironment, page: Page, target: Target) -> str:
    """The whole HTML document, or the content alone for DOCX and PDF. Raises TemplateProblemError."""

    def chart(name: str) -> Markup:
        return Markup(_DRAW[target](page.charts[name], name))  # noqa: S704 - drawn by us, texts escaped there

    names: dict[str, Any] = {
        "target": target,
        "title": page.title,
        "organisation": page.organisation,
        "dated": page.dated,
        "trace": page.trace,
        "number": page.number,
        "chart": chart,
    }
    return _guarded(page.template, lambda: templates.get_template(page.template).render({**page.data, **names}))


def sources(templates: SandboxedEnvironment, name: str) -> list[str]:
    """The text of a template and of all that it extends, imports or includes."""
    found: dict[str, str] = {}
    _guarded(name, lambda: _collect(templates, name, found))
    return [found[key] for key in sorted(found)]


def chinese_date(day: date | datetime) -> str:
    """2026年1月5日; instants are shown as the day in China."""
    if isinstance(day, datetime):
        day = day.astimezone(CHINA).date()
    return f"{day.year}年{day.month}月{day.day}日"


def sentence(text: str) -> str:
    """With one full stop at its end."""
    return text.rstrip("。；，") + "。"


def ordinal(number: int) -> str:
    """1 → 一, for headings."""
    import cn2an

    return str(cn2an.an2cn(number))


def title_lines(parts: Sequence[str]) -> Markup:
    """A title on as few lines as its parts allow: none is broken inside, so that the words stay whole (7.3.1)."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1] + part) <= TITLE_CHARACTERS:
            lines[-1] += part
        else:
            lines.append(part)
    return Markup("<br>").join(lines)


def _collect(templates: SandboxedEnvironment, name: str, found: dict[str, str]) -> None:
    if name in found:
        return
    assert templates.loader is not None
    found[name] = templates.loader.get_source(templates, name)[0]
    for other in find_referenced_templates(templates.parse(found[name], name, name)):
        if other is not None:
            _collect(templates, other, found)


def _guarded(name: str, work: Callable[[], T]) -> T:
    """Turn whatever a template stumbles over into one sentence with its file and line."""
    try:
        return work()
    except TemplateNotFound as error:
        raise TemplateProblemError(
            f"找不到文件模板“{error.name}”；请恢复该文件，或改正引用它的模板“{name}”。"
        ) from error
    except TemplateSyntaxError as error:
        place = f"模板“{error.name or name}”第 {error.lineno} 行"
        raise TemplateProblemError(f"{place}写法有误：{error.message}；请改正后重试。") from error
    except UndefinedError as error:
        raise TemplateProblemError(f"{_place(name, error)}用了没有的名称：{error}；请核对这一行。") from error
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise TemplateProblemError(f"{_place(name, error)}无法生成：{error}；请核对这一行引用的名称。") from error


def _place(name: str, error: Exception) -> str:
    """Jinja2 rewrites tracebacks, so that the innermost frame in a template has the template's own line."""
    lines = [
        (Path(frame.f_code.co_filename).name, line)
        for frame, line in walk_tb(error.__traceback__)
        if "__jinja_exception__" in frame.f_globals
    ]
    return f"模板“{lines[-1][0]}”第 {lines[-1][1]} 行" if lines else f"模板“{name}”"
