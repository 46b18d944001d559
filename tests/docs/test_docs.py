"""The documentation is true: commands, settings, stages and packages are those of the code, and its commands parse."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.main import root
from cli.pages import COMMANDS, SETTINGS, commands_page, leaves, settings_page
from config.settings import ROOT, Settings
from services.application.application_rows import HEADINGS, OPTIONAL
from services.cycle.stages import CompletenessFact, GateKind, GatePlan, StagePlan, Subject, load_plan

PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("policy", "matching", "models", "config", "services", "tasks", "flows", "cli")
MODULES = sorted(
    file
    for package in PACKAGES
    for file in (ROOT / package).rglob("*.py")
    if file.name != "__init__.py" or file.stat().st_size
)
HOW = "run: python -m cli.pages"


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def written_commands() -> Iterator[tuple[str, str]]:
    """Every `duixian …` in the pages, out of code blocks and code spans."""
    for page in PAGES:
        content = page.read_text(encoding="utf-8")
        blocks = re.findall(r"```(?:sh)?\n(.*?)```", content, re.DOTALL)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        spans = re.findall(r"`(duixian [^`\n]+)`", re.sub(r"```.*?```", "", content, flags=re.DOTALL))
        for line in dict.fromkeys([*(line for line in lines if line.startswith("duixian ")), *spans]):
            yield page.name, line


def test_the_commands_page_is_the_one_of_the_command() -> None:
    assert COMMANDS.read_text(encoding="utf-8") == commands_page(), HOW


def test_the_settings_page_is_the_one_of_the_settings() -> None:
    assert SETTINGS.read_text(encoding="utf-8") == settings_page(), HOW


@pytest.mark.parametrize("path", [path for path, _ in leaves()])
def test_every_command_is_documented(path: str) -> None:
    assert f"## duixian {path}\n" in COMMANDS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [f"DUIXIAN_{name.upper()}" for name in Settings.model_fields])
def test_every_setting_is_described(name: str) -> None:
    row = next(line for line in SETTINGS.read_text(encoding="utf-8").splitlines() if f"`{name}`" in line)
    assert re.search(r"[一-鿿]", row)


def test_the_headings_that_an_import_reads_are_told_in_one_table() -> None:
    manual = text("docs/operators.md")
    rows = [[cell.strip() for cell in line.split("|")] for line in manual.splitlines() if line.startswith("|")]
    told = {row[2]: row[3] for row in rows if len(row) == 5}
    for name, headings in HEADINGS.items():
        assert told.get("、".join(headings)) == ("否" if name in OPTIONAL else "是"), name


def test_the_settings_page_names_no_path_of_this_machine() -> None:
    assert str(ROOT) not in settings_page()


@pytest.mark.parametrize(("page", "line"), list(written_commands()))
def test_a_command_that_a_page_names_parses(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command, rest = _find(root(), words)
    if "--help" in words or not rest:
        return
    _given(command, rest)


def _find(command: Any, words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words lead to, and what is left of them; a group may be named alone."""
    context = typer.Context(command)
    while hasattr(command, "get_command") and words and not words[0].startswith("-"):
        below = command.get_command(context, words[0])
        assert below is not None, f"no command {words[0]}"
        command, words = below, words[1:]
    return command, words


def _given(command: Any, words: list[str]) -> set[str]:
    """The parameters that are given; every option must exist and have its value, and no word may be left over."""
    options = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    places = [each for each in command.params if each.param_type_name == "argument"]
    found, rest = set(), iter(words)
    for word in rest:
        assert word.startswith("--") or places, f"{word} is one too many"
        assert not word.startswith("--") or word in options, f"no option {word}"
        parameter = options[word] if word.startswith("--") else places.pop(0)
        found.add(parameter.name)
        if word.startswith("--") and not parameter.is_flag:
            assert next(rest, None) is not None, f"{word} has no value"
    return found


def test_every_line_of_the_handbooks_has_all_that_its_command_requires() -> None:
    """Only blocks of commands are meant to be typed as they stand; a command inside of a sentence may be short."""
    handbooks = [page.read_text(encoding="utf-8") for page in PAGES if "decisions" not in page.parts]
    blocks = [block for page in handbooks for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip().startswith("duixian ")]
    assert len(lines) > 50
    for line in lines:
        command, words = _find(root(), shlex.split(line)[1:])
        required = {each.name for each in command.params if each.required}
        assert required - _given(command, words) == set(), line


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake ([a-z]+)\b(?! sure)", _code(page))}
    assert {"demo", "test"} <= named
    assert named - targets == set()


def _code(page: Path) -> str:
    content = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```(?:sh)?\n.*?```|`[^`\n]+`", content, re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Pictures are taken by tests/browser; tests/docs/test_site.py looks whether they are there."""
    links = re.findall(r"(?<!!)\[[^]]*\]\((?!http|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|yaml|md|toml))`", page.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_architecture_names_every_package() -> None:
    page = text("docs/architecture.md")
    folders = [each.name for each in ROOT.iterdir() if each.is_dir() and any(each.glob("*.py"))]
    assert [name for name in folders if f"`{name}/`" not in page and name != "tests"] == []


def test_the_architecture_names_every_room_of_the_services() -> None:
    page = text("docs/architecture.md")
    rooms = {each.parent.name for each in (ROOT / "services").glob("*/__init__.py")}
    assert len(rooms) > 10 and {room for room in rooms if f"`{room}/`" not in page} == set()


def test_the_architecture_tells_what_each_package_imports() -> None:
    """Exactly: what is there, and what would be a shortcut through the house."""
    rows = re.findall(r"^\| `(\w+)/` \|.*\| (?:`([a-z_. ]+)`|–) \|$", text("docs/architecture.md"), re.MULTILINE)
    told = {name: set(imports.split()) for name, imports in rows if any((ROOT / name).glob("*.py"))}
    assert {"policy", "services", "web", "cli", "migrations"} <= told.keys()
    assert told == {name: _imports_of_ours(name) for name in told}


def _imports_of_ours(package: str) -> set[str]:
    """The other packages that a package imports; of flows, which others enter by some doors only, the module."""
    ours = {each.name for each in ROOT.iterdir() if each.is_dir() and any(each.glob("*.py"))} - {package}
    found = set()
    for node in (node for file in (ROOT / package).rglob("*.py") for node in ast.walk(ast.parse(file.read_bytes()))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"flows.{each.name}" for each in node.names} if node.module == "flows" else {node.module}
    roots = {name if name.startswith("flows.") else name.partition(".")[0] for name in found}
    return {name for name in roots if name.partition(".")[0] in ours}


@pytest.mark.parametrize("module", MODULES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_does_in_its_first_line(module: Path) -> None:
    said = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert said
    assert said.splitlines()[0].strip()


@pytest.mark.parametrize("kind", [GateKind, Subject, CompletenessFact], ids=lambda kind: kind.__name__)
def test_every_word_of_a_gate_is_documented(kind: type[GateKind]) -> None:
    page = text("docs/cycle-format.md")
    assert [each.value for each in kind if f"`{each.value}`" not in page] == []


@pytest.mark.parametrize("model", [StagePlan, GatePlan], ids=lambda model: model.__name__)
def test_every_key_of_the_cycle_file_is_documented(model: type[StagePlan]) -> None:
    page = text("docs/cycle-format.md")
    assert [name for name in model.model_fields if f"| `{name}` |" not in page] == []


def test_the_example_of_the_cycle_file_is_right(tmp_path: Path) -> None:
    example = re.findall(r"```yaml\n(.*?)```", text("docs/cycle-format.md"), re.DOTALL)[0]
    (tmp_path / "cycle.yaml").write_text(example, encoding="utf-8")
    assert len(load_plan(tmp_path / "cycle.yaml").stages) == 3


def test_the_handbook_has_a_heading_for_every_stage() -> None:
    headings = " ".join(re.findall(r"^### (.+)$", text("docs/operators.md"), re.MULTILINE))
    plan = load_plan(ROOT / "config" / "cycle.yaml")
    assert [stage.title for stage in plan.stages if stage.title not in headings] == []


def test_decisions_are_numbered_once_and_say_what_was_decided() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    numbers = [page.name[:4] for page in pages]
    assert len(set(numbers)) == len(numbers)
    assert [page.name for page in pages if "**Decision.**" not in page.read_text(encoding="utf-8")] == []
