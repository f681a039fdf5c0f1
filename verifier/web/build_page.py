#!/usr/bin/env python3
"""Puts the report's page together: one HTML file that needs nothing else.

    build_page.py OUT [--bundle FILE] [--key FILE]
    build_page.py OUT --cxx       a C++ source with the page, where key and bundle are still to come

Modules are joined in the order of their imports, each a function that returns what it exports. The
policy in the page names its one script and one style by hash, so that nothing else runs there.
"""
import argparse
import base64
import hashlib
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
IMPORT = re.compile(r'^import \{[^}]*\}\s*from "\./([a-z0-9]+\.mjs)";\n', re.M)
EXPORT = re.compile(r"^export (?=(async )?(function|const|class)\b)", re.M)


def in_order(name, seen):
    """The module's files, those that it imports first."""
    if name in seen:
        return
    seen.append(name)
    for wanted in IMPORT.findall((HERE / name).read_text()):
        yield from in_order(wanted, seen)
    yield name


def joined():
    """All modules, each in a block of its own but for what it exports."""
    parts = []
    for name in in_order("main.mjs", []):
        text = IMPORT.sub("", (HERE / name).read_text())
        exported = re.findall(r"^export (?:async )?(?:function|const|class) (\w+)", text, re.M)
        for names in re.findall(r"^export const \[([^\]]*)\]", text, re.M):
            exported += re.split(r"[,\s]+", names.strip())
        body = EXPORT.sub("", text)
        if re.search(r"^(import|export)\b", body, re.M):
            sys.exit(f"{name}: an import or export of a form that is not joined")
        if exported:
            parts.append(f"const {{ {', '.join(exported)} }} = (() => {{\n{body}"
                         f"return {{ {', '.join(exported)} }};\n}})();\n")
        else:
            parts.append(body)
    return "".join(parts)


def source_of(text):
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


# Where the C++ program puts what is embedded (verifier/bundle_page.cc).
KEY_MARK, BUNDLE_MARK = "@KEY@", "@BUNDLE@"


def page(bundle, key):
    script, style = "\n" + joined(), (HERE / "page.css").read_text()
    for text in (script, style):
        if re.search(r"</(script|style)|<!--", text, re.I):
            sys.exit("what ends a script or style stands within one")
    parts = {"SCRIPT": source_of(script), "STYLE": source_of(style), "CSS": style, "JS": script,
             "KEY": key, "BUNDLE": bundle}
    html = (HERE / "page.html").read_text()
    return re.sub(r"@([A-Z]+)@", lambda match: parts[match.group(1)], html)


def cxx(html):
    """In pieces: a compiler need not take a literal of any length."""
    size = 8000
    pieces = "".join(f'    R"~~({html[at:at + size]})~~"\n' for at in range(0, len(html), size))
    assert ")~~" not in html
    return ("// Written by verifier/web/build_page.py.\n"
            "namespace auditledger {\n"
            f"extern const char kReportPage[];\nconst char kReportPage[] =\n{pieces};\n"
            "}  // namespace auditledger\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--bundle", type=pathlib.Path, help="the bundle to embed")
    parser.add_argument("--key", type=pathlib.Path, help="a vkey to pin in the page")
    parser.add_argument("--cxx", action="store_true", help="write a C++ source")
    options = parser.parse_args()
    if options.cxx:
        options.out.write_text(cxx(page(BUNDLE_MARK, KEY_MARK)), encoding="utf-8")
        return
    key = options.key.read_text().strip() if options.key else ""
    if not re.fullmatch(r"[^<>&\s]*", key):
        sys.exit("the key is none")
    bundle = options.bundle.read_bytes() if options.bundle else b""
    embedded = base64.b64encode(bundle).decode()
    options.out.write_text(page(embedded, key), encoding="utf-8")


if __name__ == "__main__":
    main()
