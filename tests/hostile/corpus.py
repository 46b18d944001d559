"""Hostile and broken files, made by script: each is called by its name and made when it is wanted."""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

import xlsxwriter

from tests.hostile.strings import CONTROLS, DATES, FORMULAS, HEADERS, LIKE, MARKUP, NUMBERS, TEXTS

FIXTURES = Path(__file__).parents[1] / "services" / "fixtures"
OWN = "@hostile.invalid"
KNOWN = ["企业名称", "统一社会信用代码", "项目名称", "金额", "日期"]
ROW = ["漳州示例科技有限公司", "91350699MA7XW0001X", "算力采购", "1000", "2025-01-02"]
SHEET, BOOK, STRINGS, RELATIONS = (
    "xl/worksheets/sheet1.xml",
    "xl/workbook.xml",
    "xl/sharedStrings.xml",
    "xl/_rels/workbook.xml.rels",
)


def _good() -> dict[str, bytes]:
    """The parts of a workbook that is all right; those that are replaced come first."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("A")
        sheet.write_row(0, 0, KNOWN)
        sheet.write_row(1, 0, ROW)
    with zipfile.ZipFile(out) as parts:
        return {name: parts.read(name) for name in [*_REPLACED, *sorted({*parts.namelist()} - {*_REPLACED})]}


_REPLACED = ("[Content_Types].xml", RELATIONS, BOOK, STRINGS, SHEET)
_PARTS = _good()


@dataclass(frozen=True)
class Case:
    """One file: `door` is the reader that it is meant for, `big` one that takes long to make or to read."""

    name: str
    door: str
    filename: str
    make: Callable[[], bytes] = field(repr=False)
    big: bool = False


def every_case() -> list[Case]:
    """The whole corpus; names are unique."""
    return [*_tables(), *_evidence(), *_policies(), *_calendars(), *_bounces(), *_bodies()]


# tables


def _tables() -> Iterator[Case]:
    yield from _csv_encodings()
    yield from _csv_shapes()
    yield from _csv_cells()
    yield from _workbooks()
    yield from _damaged()
    yield from _wrong_kinds("table")


def csv(rows: list[list[str]]) -> str:
    """Rows with every cell quoted."""
    return "\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows) + "\n"


def _csv_encodings() -> Iterator[Case]:
    text = csv([KNOWN, ROW, ["漳州囧科技有限公司", *ROW[1:]]])
    codings = ["utf-8", "utf-8-sig", "gbk", "gb18030", "gb2312", "big5", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
    codings += ["utf-32-le", "utf-7", "hz", "iso2022_jp", "shift_jis", "euc_kr", "cp037"]
    for coding in codings:
        data = text.encode(coding, "replace")
        yield Case(f"csv/encoding/{coding}", "table", "台账.csv", lambda data=data: data)
        yield Case(f"csv/encoding/{coding}-cut", "table", "台账.csv", lambda data=data: data[:-3])
        yield Case(f"csv/encoding/{coding}-two-marks", "table", "台账.csv", lambda d=data: b"\xef\xbb\xbf" * 2 + d)
        yield Case(f"csv/encoding/{coding}-wrong-mark", "table", "台账.csv", lambda d=data: b"\xfe\xff" + d)
    yield Case("csv/encoding/mixed", "table", "台账.csv", lambda: text.encode() + text.encode("gbk"))
    yield Case("csv/encoding/bad-gb18030", "table", "台账.csv", lambda: text.encode("gbk") + b"\x81\x30\x81")
    yield Case("csv/encoding/overlong", "table", "台账.csv", lambda: text.encode() + b"\xc0\xaf\xed\xa0\x80")


def _csv_shapes() -> Iterator[Case]:
    head = ",".join(KNOWN)
    shapes: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "mark-only": lambda: b"\xef\xbb\xbf",
        "newlines": lambda: b"\n" * 100_000,
        "commas": lambda: b"," * 10_000,
        "nuls": lambda: bytes(100_000),
        "nul-inside": lambda: head.encode() + b"\na\x00b,c\n",
        "header-only": head.encode,
        "header-twice": f"{head}\n{head}\n".encode,
        "no-header": lambda: b"1,2,3\n4,5,6\n",
        "16385-columns": lambda: b",".join(b"c%d" % n for n in range(16_385)),
        "100000-columns": lambda: b"x," * 100_000 + b"\n",
        "ragged": lambda: head.encode() + b"\n" + b"".join(b"a" + b"," * (n % 97) + b"\n" for n in range(2000)),
        "wide-and-high": lambda: b"a\n" * 200_000 + b"," * 16_000 + b"\n",
        "one-cell": lambda: head.encode() + b"\n" + b"x" * 2_000_000,
        "long-lines": (head + "\n" + ("长" * 100_000 + "\n") * 5).encode,
        "open-quote": lambda: head.encode() + b'\n"' + b"a,b\n" * 5000,
        "quotes": lambda: head.encode() + b"\n" + b'"' * 100_001,
        "quote-inside": (head + '\na"b"c,"d"e,f""\n' * 500).encode,
        "returns": lambda: head.encode() + b"\r" + b"a,b\r" * 500,
        "mixed-ends": lambda: head.encode() + b"\r\n" + b"a,b\n\rc,d\r\r\n" * 500,
        "tabs": lambda: b"\t" * 5000 + b"\n",
        "semicolons": lambda: head.replace(",", ";").encode() + b"\na;b;c;d;e\n",
        "pipes": lambda: head.replace(",", "|").encode() + b"\na|b|c|d|e\n",
        "separator-line": lambda: b"sep=;\n" + head.replace(",", ";").encode(),
        "same-heading": lambda: ",".join(["企业名称"] * 500).encode() + b"\n" + b"a," * 499 + b"a\n",
        "headings-hostile": lambda: csv([list(TEXTS.values())[:60], ["a"] * 60]).encode(),
        "row-column": ("_row," + head + "\n" + "1,a,b,c,d,e\n").encode,
        "file-separators": (head + "\na\x1cb\x1dc\x1ed\x1f,x\n").encode,
        "ends-of-file": lambda: head.encode() + b"\n\x1a\x1aa,b\n",
        "json": lambda: json.dumps([{"a": 1}] * 100).encode(),
        "deep-json": lambda: b"[" * 100_000,
        "html": lambda: b"<html><table><tr><td>a</td></tr></table></html>",
        "xml-bomb": lambda: _laughs("a"),
        "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "random": lambda: random.Random(1).randbytes(50_000),
        "shell": lambda: b"#!/bin/sh\nrm -rf /\n",
    }
    for name, make in shapes.items():
        yield Case(f"csv/shape/{name}", "table", "台账.csv", make)
    large: dict[str, Callable[[], bytes]] = {
        "million-columns": lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n",
        "million-columns-quoted": lambda: b'"a",' * 1_000_000 + b"\n",
        "million-rows-wide-tail": lambda: b"a\n" * 1_000_000 + b"," * 15_000 + b"\n",
        "line-of-40-megabytes": lambda: head.encode() + b"\n" + b"x" * 40_000_000,
        "quotes-of-40-megabytes": lambda: head.encode() + b"\n" + b'"a\n' * 13_000_000,
        "newlines-of-40-megabytes": lambda: b"\n" * 40_000_000 + b"a,b\n",
    }
    for name, make in large.items():
        yield Case(f"csv/large/{name}", "table", "台账.csv", make, big=True)


def _csv_cells() -> Iterator[Case]:
    """A right table in which one cell is not."""
    columns = {
        "name": (0, {**MARKUP, **FORMULAS, **CONTROLS, **LIKE, **HEADERS}),
        "code": (1, {**LIKE, **CONTROLS}),
        "amount": (3, NUMBERS),
        "date": (4, DATES),
    }
    for column, (place, texts) in columns.items():
        for name, text in texts.items():
            row = [*ROW[:place], text, *ROW[place + 1 :]]
            yield Case(
                f"csv/cell/{column}/{name}", "table", "台账.csv", lambda row=row: csv([KNOWN, ROW, row]).encode()
            )


def workbook(replaced: dict[str, bytes | None] | None = None, *, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A small XLSX in which some parts are others, or are left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in {**_PARTS, **(replaced or {})}.items():
            if data is not None:
                archive.writestr(name, data)
    return out.getvalue()


def _sheet(rows: bytes) -> bytes:
    start, end = _PARTS[SHEET].split(b"<row", 1)[0], b"</sheetData></worksheet>"
    return start + rows + end


def _laughs(root: str) -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY l0 "ha">{entities}]><{root}>&l11;</{root}>'.encode()


def _external(root: str, what: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY e SYSTEM "{what}">]><{root}>&e;</{root}>'.encode()


def _entity_in_sheet(declaration: str) -> bytes:
    cell = b'<row r="1"><c r="A1" t="inlineStr"><is><t>&e;</t></is></c></row>'
    return f"<!DOCTYPE worksheet [{declaration}]>".encode() + _sheet(cell)


def _workbooks() -> Iterator[Case]:
    cells = b"".join(b'<c r="A1" t="s"><v>%d</v></c>' % n for n in (-1, 2**31, 2**63, 99))
    typed = b"".join(b'<c t="%s"><v>x</v></c>' % kind for kind in (b"n", b"b", b"d", b"e", b"str", b"zzz"))
    made: dict[str, dict[str, bytes | None]] = {
        **{f"without-{name.rpartition('/')[2]}": {name: None} for name in _REPLACED},
        **{f"empty-{name.rpartition('/')[2]}": {name: b""} for name in _REPLACED},
        **{f"nuls-in-{name.rpartition('/')[2]}": {name: bytes(5000)} for name in _REPLACED},
        **{f"laughs-in-{name.rpartition('/')[2]}": {name: _laughs("sst")} for name in _REPLACED},
        **{
            f"external-in-{name.rpartition('/')[2]}": {name: _external("sst", "file:///etc/passwd")}
            for name in _REPLACED
        },
        "entity-file": {SHEET: _entity_in_sheet('<!ENTITY e SYSTEM "file:///etc/passwd">')},
        "entity-net": {SHEET: _entity_in_sheet('<!ENTITY e SYSTEM "http://127.0.0.1:9/">')},
        "entity-parameter": {SHEET: _entity_in_sheet('<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;')},
        "entity-long": {SHEET: _entity_in_sheet(f'<!ENTITY e "{"x" * 100_000}">')},
        "macros": {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 macros"},
        "external-link": {"xl/externalLinks/externalLink1.xml": _external("x", "http://evil.invalid/")},
        "target-outside": {RELATIONS: _PARTS[RELATIONS].replace(b"worksheets/sheet1.xml", b"../../../../etc/passwd")},
        "target-file": {RELATIONS: _PARTS[RELATIONS].replace(b"worksheets/sheet1.xml", b"file:///etc/passwd")},
        "target-net": {RELATIONS: _PARTS[RELATIONS].replace(b"worksheets/sheet1.xml", b"http://evil.invalid/a")},
        "target-itself": {RELATIONS: _PARTS[RELATIONS].replace(b"worksheets/sheet1.xml", b"workbook.xml")},
        "two-sheets-one-name": {BOOK: _PARTS[BOOK].replace(b"</sheets>", b'<sheet name="A" r:id="rId1"/></sheets>')},
        "sheet-name-hostile": {BOOK: _PARTS[BOOK].replace(b'"A"', b'"&lt;script&gt;../..\'&#10;"')},
        "thousand-sheets": {
            BOOK: _PARTS[BOOK].replace(b"</sheets>", b'<sheet name="B" r:id="rId1"/>' * 1000 + b"</sheets>")
        },
        "far-cell": {SHEET: _sheet(b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')},
        "far-column": {SHEET: _sheet(b'<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>')},
        "far-row": {SHEET: _sheet(b'<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>')},
        "row-of-many-digits": {SHEET: _sheet(b'<row r="' + b"9" * 5000 + b'"><c><v>1</v></c></row>')},
        "reference-backwards": {SHEET: _sheet(b'<row r="5"><c r="C5"><v>1</v></c></row><row r="1"><c r="A1"/></row>')},
        "reference-odd": {SHEET: _sheet(b'<row r="x"><c r="11"><v>1</v></c><c r=""/><c r="A-1"/></row>')},
        "strings-that-are-not": {SHEET: _sheet(b'<row r="1">' + cells + b"</row>")},
        "types-that-are-not": {SHEET: _sheet(b'<row r="1">' + typed + b"</row>")},
        "string-count-lies": {STRINGS: _PARTS[STRINGS].replace(b'ount="1"', b'ount="4294967295"')},
        "string-count-negative": {STRINGS: _PARTS[STRINGS].replace(b'ount="1"', b'ount="-5"')},
        "deep": {SHEET: _sheet(b"<a>" * 50_000)},
        "open-tags": {SHEET: _sheet(b"<row><c><v>" * 20_000)},
        "one-attribute": {SHEET: _sheet(b'<row r="1" x="' + b"y" * 3_000_000 + b'"/>')},
        "many-attributes": {SHEET: _sheet(b"<row " + b'a="1" ' * 50_000 + b"/>")},
        "many-merges": {
            SHEET: _PARTS[SHEET].replace(
                b"</worksheet>",
                b"<mergeCells>" + b'<mergeCell ref="A1:XFD1048576"/>' * 2000 + b"</mergeCells></worksheet>",
            )
        },
        "merge-odd": {
            SHEET: _PARTS[SHEET].replace(
                b"</worksheet>", b'<mergeCells><mergeCell ref="B2:A1"/><mergeCell ref="x"/></mergeCells></worksheet>'
            )
        },
        "dimension-lies": {
            SHEET: _PARTS[SHEET].replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
        },
        "number-huge": {
            SHEET: _sheet(b'<row r="1"><c r="A1"><v>1e400</v></c><c><v>' + b"9" * 5000 + b"</v></c></row>")
        },
        "date-huge": {SHEET: _sheet(b'<row r="1"><c r="A1" s="1"><v>99999999</v></c><c s="1"><v>-1</v></c></row>')},
        "style-that-is-not": {SHEET: _sheet(b'<row r="1"><c r="A1" s="4294967295"><v>1</v></c></row>')},
        "not-utf8": {SHEET: _sheet(b'<row><c t="inlineStr"><is><t>\xff\xfe\x80</t></is></c></row>')},
        "utf16": {SHEET: _PARTS[SHEET].decode().encode("utf-16")},
        "control-references": {
            SHEET: _sheet(b'<row><c t="inlineStr"><is><t>&#0;&#x1F;&#xFFFF;&#xD800;</t></is></c></row>')
        },
        "formula-hostile": {SHEET: _sheet(b"<row><c><f>cmd|' /C calc'!A0</f></c></row>")},
        "quadratic-names": {SHEET: _sheet(b'<row r="1">' + b"<c r=" * 50_000)},
        "quadratic-content": {SHEET: _sheet(b"<row><c t='e'><f>" * 1_500)},
    }
    for name, parts in made.items():
        yield Case(f"xlsx/{name}", "table", "申报.xlsx", lambda parts=parts: workbook(parts))
    yield Case("xlsx/stored", "table", "申报.xlsx", lambda: workbook(packing=zipfile.ZIP_STORED))
    yield Case("xlsx/bzip2", "table", "申报.xlsx", lambda: workbook(packing=zipfile.ZIP_BZIP2))
    yield Case("xlsx/lzma", "table", "申报.xlsx", lambda: workbook(packing=zipfile.ZIP_LZMA))
    yield Case(
        "xlsx/understated", "table", "申报.xlsx", lambda: _resized(workbook({SHEET: _sheet(b" " * 900_000)}), 10)
    )
    yield Case(
        "xlsx/overstated", "table", "申报.xlsx", lambda: _resized(workbook({SHEET: _sheet(b" " * 900_000)}), 2**32 - 2)
    )
    yield Case("xlsx/password-flag", "table", "申报.xlsx", lambda: _flagged(workbook()))
    yield Case("xlsx/encrypted", "table", "申报.xlsx", _encrypted)
    yield Case("xlsx/xlsb", "table", "申报.xlsx", lambda: zipped({"xl/workbook.bin": b"\x83\x01"}))
    yield Case("xlsx/traversal", "table", "申报.xlsx", lambda: zipped({"../../../tmp/evil.xml": b"x", **_PARTS}))
    yield Case("xlsx/two-of-a-name", "table", "申报.xlsx", _doubled)
    yield Case("xlsx/with-prefix", "table", "申报.xlsx", lambda: b"MZ junk before" + workbook())
    yield Case("xlsx/with-suffix", "table", "申报.xlsx", lambda: workbook() + b"%PDF-1.7 <script>" * 1000)
    yield Case("xlsx/hostile-cells", "table", "申报.xlsx", hostile_cells)
    yield Case(
        "xlsx/100000-parts", "table", "申报.xlsx", lambda: zipped({f"p/{n}": b"" for n in range(100_000)}), big=True
    )
    for size in (50, 900, 4000):
        yield Case(f"xlsx/bomb-{size}-megabytes", "table", "申报.xlsx", lambda size=size: bomb(size), big=True)
    yield Case("xlsx/million-cells-of-formulas", "table", "申报.xlsx", _formulas, big=True)
    yield from _ods()


def _ods() -> Iterator[Case]:
    start = (
        '<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="A">'
    )
    end = "</table:table></office:spreadsheet></office:body></office:document-content>"
    cell = '<table:table-cell office:value-type="string"><text:p>a</text:p></table:table-cell>'

    def row(attributes: str = "", of_cell: str = "") -> str:
        inside = cell.replace("<table:table-cell", f"<table:table-cell {of_cell}")
        return f"<table:table-row {attributes}>{inside}</table:table-row>"

    many, wide = "table:number-rows-repeated='%s'", "table:number-columns-repeated='%s'"
    spaces = "<text:p><text:s text:c='2000000000'/></text:p>"
    made = {
        "columns-repeated": row("", wide % 2_000_000_000),
        "rows-repeated": row(many % 2_000_000_000),
        "both-repeated": row(many % 100_000, wide % 16_000),
        "repeated-odd": row(many % -1),
        "repeated-words": row(many % "x"),
        "spaces": f"<table:table-row><table:table-cell>{spaces}</table:table-cell></table:table-row>",
        "open": "<table:table-row>" * 20_000,
        "plain": row(),
    }
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    listed = {
        "META-INF/manifest.xml": b'<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:'
        b'opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/"/></manifest:manifest>'
    }
    for name, rows in made.items():
        parts = {**listed, "mimetype": kind, "content.xml": (start + rows + end).encode()}
        yield Case(f"ods/{name}", "table", "台账.ods", lambda parts=parts: zipped(parts))
    for name, content in {
        "laughs": _laughs("a"),
        "external": _external("a", "file:///etc/passwd"),
        "empty": b"",
    }.items():
        parts = {**listed, "mimetype": kind, "content.xml": content}
        yield Case(f"ods/{name}", "table", "台账.ods", lambda parts=parts: zipped(parts))


def hostile_cells() -> bytes:
    """A workbook with every hostile text as a cell."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("台账")
        sheet.write_row(0, 0, KNOWN)
        for row, text in enumerate(TEXTS.values(), start=1):
            for column, cell in enumerate([text[:30_000], *ROW[1:]]):
                sheet.write_string(row, column, cell.encode("utf-8", "ignore").decode())
    return out.getvalue()


def zipped(members: dict[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def bomb(megabytes: int, part: str = SHEET) -> bytes:
    """A workbook with one part that unpacks to this much."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _PARTS.items():
            if name != part:
                archive.writestr(name, data)
        with archive.open(part, "w", force_zip64=True) as file:
            for _ in range(megabytes):
                file.write(b" " * (1 << 20))
    return out.getvalue()


def _formulas() -> bytes:
    rows = b"".join(b'<row r="%d"><c r="A%d"><f>1+1</f></c></row>' % (n, n) for n in range(1, 1_000_001))
    return workbook({SHEET: _sheet(rows)})


def _resized(data: bytes, size: int) -> bytes:
    """The same archive in whose directory each part is said to be this large."""
    changed, at = bytearray(data), data.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + 24 : at + 28] = struct.pack("<I", size)
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def _flagged(data: bytes) -> bytes:
    changed, at = bytearray(data), data.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(changed)


def _doubled() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in [*_PARTS.items(), *_PARTS.items()]:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def _encrypted() -> bytes:
    """What Excel makes of a workbook with a password: a compound file with the stream EncryptedPackage."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(4096)


def _damaged() -> Iterator[Case]:
    """Good files, cut and with bytes changed."""
    good = {"xls": (FIXTURES / "errors.xls").read_bytes(), "xlsx": hostile_cells()}
    for kind, data in good.items():
        chance = random.Random(kind)
        for number in range(25):
            place = chance.randrange(len(data))
            yield Case(f"{kind}/cut-{number}", "table", f"台账.{kind}", lambda d=data, p=place: d[:p])
            seed = chance.random()
            yield Case(f"{kind}/changed-{number}", "table", f"台账.{kind}", lambda d=data, s=seed: _changed(d, s))


def _changed(data: bytes, seed: float) -> bytes:
    chance, changed = random.Random(seed), bytearray(data)
    for _ in range(chance.randint(1, 40)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


# what is something else than its name says

CONTENTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "pdf": lambda: b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n%%EOF",
    "png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "png-bomb": lambda: b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\x00\x00\x00",
    "jpeg": lambda: b"\xff\xd8\xff\xe0" + bytes(100),
    "jpeg-with-script": lambda: b"\xff\xd8\xff\xe0<script>alert(1)</script>",
    "gif": lambda: b"GIF89a/*<script>*/=1;alert(1)",
    "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    "html": lambda: b"<!doctype html><script>alert(1)</script>",
    "html-in-pdf": lambda: b"%PDF-1.7\n<html><script>alert(1)</script>",
    "pdf-and-zip": lambda: b"%PDF-1.7\n" + zipped({"a": b"b"}),
    "exe": lambda: b"MZ" + bytes(500),
    "elf": lambda: b"\x7fELF" + bytes(500),
    "zip": lambda: zipped({"a.exe": b"MZ"}),
    "zip-in-zip": lambda: zipped({"a.zip": zipped({"b.zip": zipped({"c": b"d"})})}),
    "empty-zip": lambda: zipped({}),
    "xlsx": workbook,
    "xlsm": lambda: workbook({"xl/vbaProject.bin": b"x"}),
    "xlsm-hidden": lambda: workbook({"xl/odd/VBAPROJECT.BIN": b"x"}),
    "docx": lambda: zipped({"word/document.xml": b"<w/>"}),
    "docm": lambda: zipped({"word/document.xml": b"<w/>", "word/vbaProject.bin": b"x"}),
    "docx-template-net": lambda: zipped(
        {
            "word/document.xml": b"<w/>",
            "word/_rels/settings.xml.rels": b'<R Target="http://evil.invalid/t.dotm" TargetMode="External"/>',
        }
    ),
    "docx-overstated": lambda: _resized(zipped({"word/document.xml": b"<w/>"}), 2**32 - 2),
    "docx-cut": lambda: zipped({"word/document.xml": b"<w/>" * 999})[:-30],
    "ole": _encrypted,
    "rtf": lambda: b"{\\rtf1 {\\object}}",
    "rar": lambda: b"Rar!\x1a\x07\x00",
    "7z": lambda: b"7z\xbc\xaf\x27\x1c",
    "text": "说明".encode,
    "gzip": lambda: b"\x1f\x8b" + zlib.compress(b"x"),
}


def _wrong_kinds(door: str) -> Iterator[Case]:
    for name, make in CONTENTS.items():
        for ending in ("csv", "xlsx") if door == "table" else ("pdf", "png", "jpg", "docx", "xlsx", "svg", "exe"):
            yield Case(f"{door}/{name}.{ending}", door, f"材料.{ending}", make)


NAMES = {
    "traversal": "../../../../etc/cron.d/evil.pdf",
    "traversal-windows": "..\\..\\windows\\evil.pdf",
    "absolute": "/etc/passwd.pdf",
    "drive": "C:\\evil.pdf",
    "stream": "a.pdf::$DATA",
    "nul": "a.pdf\x00.exe",
    "newline": "a\r\nSet-Cookie: x=y.pdf",
    "quote": 'a"; filename="b.pdf',
    "right-to-left": "材料\u202efdp.exe.pdf",
    "zero-width": "材\u200b料.pdf",
    "long": "长" * 5000 + ".pdf",
    "long-ending": "a." + "p" * 5000,
    "no-ending": "材料",
    "only-ending": ".pdf",
    "dots": "....pdf",
    "device": "CON.pdf",
    "markup": "<img src=x onerror=alert(1)>.pdf",
    "template": "{{7*7}}.pdf",
    "formula": "=1+1.pdf",
    "percent": "%2e%2e%2fa.pdf",
    "space": "   .pdf   ",
    "upper": "A.PDF",
    "two-endings": "a.pdf.exe",
    "surrogate": "材料𠮷.pdf",
}


def _evidence() -> Iterator[Case]:
    yield from _wrong_kinds("evidence")
    for name, filename in NAMES.items():
        yield Case(f"evidence/name/{name}", "evidence", filename, CONTENTS["pdf"])
    yield Case(
        "evidence/100000-parts", "evidence", "a.docx", lambda: zipped({f"p/{n}": b"" for n in range(100_000)}), big=True
    )
    yield Case("evidence/bomb", "evidence", "a.xlsx", lambda: bomb(2000), big=True)
    yield Case("evidence/51-megabytes", "evidence", "a.pdf", lambda: b"%PDF-" + bytes(51 << 20), big=True)


# policies, calendars


YAMLS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "nothing": lambda: b"---\n...\n",
    "laughs": lambda: (
        b"a0: &a0 [x,x]\n" + b"".join(b"a%d: &a%d [*a%d,*a%d,*a%d,*a%d]\n" % (n, n, *[n - 1] * 4) for n in range(1, 30))
    ),
    "laughs-as-year": lambda: b"".join(
        b"- &a%d [%s]\n" % (n, b",".join([b"*a%d" % (n - 1) if n else b"x"] * 9)) for n in range(9)
    ),
    "endless": lambda: b"year: &a [*a]\n",
    "merge": lambda: b"a: &a {b: 1}\nc:\n  <<: *a\n",
    "deep-list": lambda: b"[" * 60_000,
    "deep-map": lambda: b"{a: " * 20_000,
    "deep-indent": lambda: b"".join(b" " * n + b"a:\n" for n in range(400)),
    "tag": lambda: b"!!python/object/apply:os.system ['touch /tmp/evil']\n",
    "tag-binary": lambda: b"year: !!binary AAAA\n",
    "tag-own": lambda: b"year: !evil 2027\n",
    "two-documents": lambda: b"a: 1\n---\nb: 2\n",
    "tabs": lambda: b"\ta: 1\n",
    "key-list": lambda: b"? [a, b]\n: c\n",
    "key-null": lambda: b"? \n: c\n",
    "key-twice": lambda: b"year: 2027\nyear: 2028\n",
    "open-quote": lambda: b'year: "2027\n',
    "huge-number": lambda: b"year: " + b"9" * 5000 + b"\n",
    "huge-exponent": lambda: b"year: 1e999999999\n",
    "sexagesimal": lambda: b"year: 190:20:30:40:50\n",
    "date-odd": lambda: b"year: 2027-02-30\n",
    "date-huge": lambda: b"year: 99999-01-01\n",
    "not-a-number": lambda: b"year: .nan\nsource: .inf\n",
    "long-scalar": lambda: b"year: " + b"x" * 90_000,
    "many-keys": lambda: b"".join(b"k%d: 1\n" % n for n in range(8000)),
    "control": lambda: b"year: \x01\x02\n",
    "nul": lambda: b"year: 2027\x00\n",
    "gbk": lambda: "标题: 虚构".encode("gbk"),
    "utf16": lambda: "标题: 虚构".encode("utf-16"),
    "mark-inside": "year: 20\ufeff27\n".encode,
    "bidi": "title: 甲\u202e乙\n".encode,
    "list": lambda: b"- 1\n- 2\n",
    "scalar": lambda: b"hello",
    "anchors": lambda: b"".join(b"- &x%d 1\n" % n for n in range(5000)),
    "directive": lambda: b"%YAML 9.9\n---\na: 1\n",
    "block": lambda: b"a: |9\n  b\n",
    "comment": lambda: b"#" * 90_000,
    "flow": lambda: b"[" + b"a," * 40_000 + b"]",
}


def _policies() -> Iterator[Case]:
    for name, make in YAMLS.items():
        yield Case(f"policy/yaml/{name}", "policy", "policy.yaml", make)
    good = {"policy.yaml": b"id: a\n", "cases.yaml": b"cases: []\n"}
    made: dict[str, Callable[[], bytes]] = {
        "traversal": lambda: zipped({"../policy.yaml": b"id: a\n"}),
        "absolute": lambda: zipped({"/etc/policy.yaml": b"id: a\n"}),
        "windows": lambda: zipped({"..\\policy.yaml": b"id: a\n"}),
        "deep-folders": lambda: zipped({"a/" * 200 + "policy.yaml": b"id: a\n"}),
        "two-folders": lambda: zipped({"a/policy.yaml": b"id: a\n", "b/cases.yaml": b""}),
        "case-twins": lambda: zipped({**good, "POLICY.yaml": b"id: b\n"}),
        "program": lambda: zipped({**good, "evil.py": b"import os"}),
        "device": lambda: zipped({**good, "CON.yaml": b""}),
        "chinese-name": lambda: zipped({**good, "政策.txt": b""}),
        "many": lambda: zipped({**good, **{f"f{n}.txt": b"" for n in range(50)}}),
        "bomb": lambda: zipped({**good, "text.txt": b"\n" * 30_000_000}),
        "understated": lambda: _resized(zipped({**good, "text.txt": b"\n" * 9_000_000}), 10),
        "overstated": lambda: _resized(zipped(good), 2**32 - 2),
        "password": lambda: _flagged(zipped(good)),
        "lzma": lambda: zipped(good, zipfile.ZIP_LZMA),
        "bzip2": lambda: zipped(good, zipfile.ZIP_BZIP2),
        "empty": lambda: zipped({}),
        "zip-in-zip": lambda: zipped({"a.zip": zipped(good)}),
        "cut": lambda: zipped(good)[:-9],
        "binary": lambda: zipped({**good, "text.txt": bytes(1000)}),
        "not-a-zip": lambda: b"PK\x03\x04" + bytes(500),
        "link": _link,
    }
    for name, make in made.items():
        yield Case(f"policy/zip/{name}", "policy", "政策.zip", make)
    for number in range(20):
        yield Case(f"policy/zip/changed-{number}", "policy", "政策.zip", lambda n=number: _changed(zipped(good), n))
    yield Case(
        "policy/zip/100000-parts",
        "policy",
        "政策.zip",
        lambda: zipped({f"{n}.txt": b"" for n in range(100_000)}),
        big=True,
    )
    yield Case(
        "policy/yaml/flow-of-5-megabytes", "policy", "policy.yaml", lambda: b"[" + b"a," * 2_600_000 + b"]", big=True
    )
    yield Case(
        "policy/yaml/keys-of-5-megabytes",
        "policy",
        "policy.yaml",
        lambda: b"".join(b"k%d: 1\n" % n for n in range(450_000)),
        big=True,
    )


def _link() -> bytes:
    out, info = io.BytesIO(), zipfile.ZipInfo("policy.yaml")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, b"/etc/passwd")
    return out.getvalue()


def _calendars() -> Iterator[Case]:
    for name, make in YAMLS.items():
        yield Case(f"calendar/{name}", "calendar", "2027.yaml", make)
    keys = "source: x\nprovisional: false\nholidays: {}\nworkdays: {}\n"
    for name, text in {**NUMBERS, **DATES}.items():
        yield Case(f"calendar/year/{name}", "calendar", "2027.yaml", lambda t=text: f"year: {t}\n{keys}".encode())
    bomb = b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1) if n else b"x"] * 9)) for n in range(9))
    yield Case(
        "calendar/year-laughs",
        "calendar",
        "2027.yaml",
        lambda: b"year: &y\n  " + bomb.replace(b"\n", b"\n  ") + b"\n" + keys.encode(),
    )
    sentence = b"year:\n  - &a0 [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"  - &a%d [%s]\n" % (n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)
    )
    yield Case("calendar/sentence-laughs", "calendar", "2027.yaml", lambda: sentence + keys.encode())


# mails that come back


def _bounces() -> Iterator[Case]:
    chance = random.Random("mail")
    good = _report()
    made: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "nuls": lambda: bytes(5000),
        "random": lambda: random.Random(3).randbytes(5000),
        "no-end": lambda: good[: len(good) // 2],
        "deep-parts": lambda: _nested(300),
        "very-deep-parts": lambda: _nested(3000),
        "deep-messages": lambda: b"Content-Type: message/rfc822\n\n" * 2000,
        "many-parts": lambda: b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000 + b"--b--",
        "many-headers": lambda: b"".join(b"X-%d: y\n" % n for n in range(20_000)) + b"\n",
        "long-header": lambda: b"Subject: " + b"x" * 2_000_000 + b"\n\n",
        "long-from": lambda: b"From: " + b"<" * 20_000 + b"\n\n" + _own(),
        "comments-in-from": lambda: b"From: " + b"(" * 20_000 + b"mailer-daemon\n\n" + _own(),
        "encoded-words": lambda: (
            b"From: mailer-daemon@x\nSubject: " + b"=?utf-8?B?/////w==?= " * 5000 + b"\n\n" + _own()
        ),
        "unknown-charset": lambda: b"From: mailer-daemon@x\nContent-Type: text/plain; charset=evil\n\n" + _own(),
        "rot13": lambda: b"From: mailer-daemon@x\nContent-Type: text/plain; charset=rot13\n\n" + _own(),
        "zlib-charset": lambda: b"From: mailer-daemon@x\nContent-Type: text/plain; charset=zlib\n\n" + _own(),
        "bad-base64": lambda: b"From: mailer-daemon@x\nContent-Transfer-Encoding: base64\n\n!!!!" + _own(),
        "uuencode": lambda: (
            b"From: mailer-daemon@x\nContent-Transfer-Encoding: uuencode\n\nbegin 666 ../evil\n" + _own()
        ),
        "ids": lambda: b"From: mailer-daemon@x\n\n" + _own() * 20_000,
        "markup": lambda: b"From: mailer-daemon@x\nContent-Type: text/html\n\n<script>alert(1)</script>" + _own(),
        "open-tags": lambda: b"From: mailer-daemon@x\nContent-Type: text/html\n\n" + b"<" * 200_000 + _own(),
        "no-boundary": lambda: b"Content-Type: multipart/report\n\nx",
        "long-boundary": lambda: b"Content-Type: multipart/report; boundary=" + b"b" * 50_000 + b"\n\nx",
        "odd-parameters": lambda: b"Content-Type: multipart/report; boundary*0=a; boundary*0*=utf-8''b; x*99999=c\n\nx",
        "gb18030": lambda: "From: postmaster@x\nSubject: 退信\n\n550 用户不存在 ".encode("gb18030") + _own(),
        "id-odd": lambda: good.replace(b"Message-ID: ", b"Message-ID: \r\n <<<>>> "),
        "status-odd": lambda: good.replace(b"5.1.1", b"5." + b"9" * 5000),
        "diagnostic-hostile": lambda: good.replace(b"unknown user", b"<script>alert(1)</script>\x00\x1b[2J"),
        "action-odd": lambda: good.replace(b"Action: failed", b"Action: \xff\xfe"),
    }
    for name, make in made.items():
        yield Case(f"bounce/{name}", "bounce", "mail.eml", make)
    for number in range(30):
        seed = chance.random()
        yield Case(f"bounce/changed-{number}", "bounce", "mail.eml", lambda s=seed: _changed(good, s))


def _own() -> bytes:
    return b"<" + b"0" * 40 + OWN.encode() + b">"


def _report() -> bytes:
    mail = EmailMessage()
    mail["From"] = "MAILER-DAEMON@hostile.invalid"
    mail.set_content("failed")
    mail.add_alternative("x")
    text = mail.as_bytes().replace(b"multipart/alternative", b"multipart/report; report-type=delivery-status")
    boundary = text.split(b'boundary="')[1].split(b'"')[0]
    status = b"Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1\n"
    status += b"Diagnostic-Code: smtp; 550 unknown user\n"
    parts = [
        b"Content-Type: message/delivery-status\n\n" + status,
        b"Content-Type: message/rfc822\n\nMessage-ID: " + _own() + b"\n\nx\n",
    ]
    return text.replace(
        b"--" + boundary + b"--",
        b"".join(b"--" + boundary + b"\n" + part + b"\n" for part in parts) + b"--" + boundary + b"--",
    )


def _nested(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)) + b"\nx"


# bodies for the interface


def _bodies() -> Iterator[Case]:
    field = '{"measure": %s}'
    made: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "null": lambda: b"null",
        "list": lambda: b"[]",
        "deep-list": lambda: b"[" * 100_000,
        "deep-closed": lambda: b"[" * 50_000 + b"]" * 50_000,
        "deep-map": lambda: b'{"a":' * 50_000,
        "deep-values": lambda: b'{"values":' * 3_000 + b"1" + b"}" * 3_000,
        "open": lambda: b'{"measure": "x',
        "not-a-number": lambda: b'{"pledged": NaN}',
        "infinity": lambda: b'{"pledged": Infinity}',
        "huge-integer": lambda: b'{"measure": ' + b"9" * 100_000 + b"}",
        "huge-exponent": lambda: b'{"measure": 1e999999}',
        "many-keys": lambda: json.dumps({f"k{n}": 1 for n in range(50_000)}).encode(),
        "many-values": lambda: json.dumps({"values": {f"k{n}": "1" for n in range(50_000)}}).encode(),
        "twice": lambda: b'{"measure": "a", "measure": "b"}',
        "surrogate": (field % '"\\ud800"').encode,
        "nul": (field % '"\\u0000"').encode,
        "not-utf8": lambda: b'{"measure": "\xff\xfe"}',
        "utf16": lambda: (field % '"a"').encode("utf-16"),
        "gbk": lambda: (field % '"漳州"').encode("gbk"),
        "mark": lambda: b"\xef\xbb\xbf{}",
        "proto": lambda: b'{"__proto__": {"a": 1}, "constructor": 1, "__class__": "x"}',
        "long": (field % ('"' + "x" * 2_000_000 + '"')).encode,
        "xml": lambda: _laughs("a"),
    }
    for name, make in made.items():
        yield Case(f"body/{name}", "body", "", make)
