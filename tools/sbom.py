#!/usr/bin/env python3
"""The software bill of materials of a package of ours: SPDX 2.3, JSON.

    tools/sbom.py BUILD_FOLDER NAME VERSION OUT PROGRAM...    writes OUT for the package NAME
    tools/sbom.py --check OUT PROGRAM...                      whether it names what these link

Named are the Debian packages of the shared libraries that the programs load (themselves or through
others), and those whose headers were compiled into them, as the build recorded it. The same
packages and sources give the same bytes; the date is SOURCE_DATE_EPOCH's.
"""
import datetime
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

# Compiled in, and not from Debian: tools/lib/deps.sh pins it.
GOOGLEAPIS = re.compile(r"^GOOGLEAPIS_PIN=([\w.-]+)==([\d.]+)$", re.M)
SHIPPED = ("merkle/", "ledger/", "api/", "verifier/", "tools/", "proto/")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries(program):
    """The shared libraries that the loader would load, as paths."""
    return sorted(set(re.findall(r"(?:=> )?(/\S+) \(0x", run("ldd", program))))


@functools.cache
def owners():
    """Every file that a package installed: its package. dpkg -S would read all lists each time."""
    out = {}
    for listing in sorted(pathlib.Path("/var/lib/dpkg/info").glob("*.list")):
        package = listing.stem.split(":")[0]
        for path in listing.read_text(encoding="utf-8").split("\n"):
            out[path] = package
    return out


def package_of(path):
    """Name of the Debian package that a file is of."""
    real = os.path.realpath(path)
    for name in (real, real.removeprefix("/usr")):  # /lib is /usr/lib to the loader only
        if name in owners():
            return owners()[name]
    raise SystemExit(f"sbom: {path} is of no package")


@functools.cache
def facts(package):
    shown = run("dpkg-query", "-W", "-f",
                "${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}\n",
                package)
    version, architecture, source, source_version, homepage = shown.split("\n")[0].split("\t")
    return {"version": version, "architecture": architecture, "source": source,
            "source_version": source_version, "homepage": homepage}


def objects_of(build, program):
    """What ninja links a program from: objects and archives of ours, archives opened."""
    listed, todo = set(), [str(pathlib.Path(program).resolve().relative_to(build))]
    seen = set(todo)
    while todo:
        text = run("ninja", "-C", str(build), "-t", "query", todo.pop())
        inputs = re.search(r"input: .*?\n(.*?)(?:outputs:|validations|$)", text, re.S).group(1)
        for name in re.findall(r"^\s+(?:\| )?(\S+)$", inputs, re.M):
            if name.endswith(".o"):
                listed.add(name)
            elif name.endswith(".a") and not name.startswith("/") and name not in seen:
                seen.add(name)
                todo.append(name)
    return listed


def header_packages(build, programs):
    """Packages whose headers were compiled into the programs."""
    objects = set().union(*(objects_of(build, program) for program in programs))
    headers, wanted = set(), False
    for line in run("ninja", "-C", str(build), "-t", "deps").split("\n"):
        if line and not line.startswith(" "):
            wanted = line.split(":")[0] in objects
        elif wanted and line.strip().startswith("/usr/"):
            headers.add(line.strip())
    return {package_of(header) for header in headers}


def spdx_package(name):
    of = facts(name)
    return {
        "SPDXID": "SPDXRef-deb-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name, "versionInfo": of["version"], "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "sourceInfo": f"built from {of['source']} {of['source_version']}",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator":
                f"pkg:deb/debian/{name}@{of['version'].replace('+', '%2B').replace('~', '%7E')}"
                f"?arch={of['architecture']}&distro=debian-12"}],
    }


def googleapis():
    deps = (pathlib.Path(__file__).parent / "lib" / "deps.sh").read_text()
    name, version = GOOGLEAPIS.search(deps).groups()
    return {
        "SPDXID": "SPDXRef-" + name, "name": name, "versionInfo": version,
        "supplier": "Organization: Google LLC", "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": f"pkg:pypi/{name}@{version}"}],
    }


def document(build, name, version, programs):
    loaded = {package_of(path) for program in programs for path in libraries(program)}
    compiled = header_packages(build, programs)
    ours = {"SPDXID": "SPDXRef-" + name, "name": name, "versionInfo": version,
            "supplier": "Organization: auditledger maintainers",
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
            "copyrightText": "NOASSERTION", "primaryPackagePurpose": "APPLICATION"}
    others = [spdx_package(package) for package in sorted(loaded | compiled)] + [googleapis()]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", ours["SPDXID"])]
    for package in others:
        kind = "DYNAMIC_LINK" if package["name"] in loaded else "STATIC_LINK"
        relations.append((ours["SPDXID"], kind, package["SPDXID"]))
        if package["name"] in loaded & compiled:
            relations.append((ours["SPDXID"], "STATIC_LINK", package["SPDXID"]))
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "log", "-1", "--format=%ct"))
    created = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    digest = hashlib.sha256(json.dumps([others, relations], sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{version}",
        "documentNamespace": f"https://auditledger.invalid/spdx/{name}-{version}-{digest[:32]}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": ["Tool: auditledger tools/sbom.py"]},
        "packages": [ours] + others,
        "relationships": [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
                          for a, kind, b in relations],
    }


def check(path, programs):
    """What a bill does not say of these programs."""
    bill = json.loads(pathlib.Path(path).read_text())
    listed = {package["name"]: package["versionInfo"] for package in bill["packages"]}
    for program in programs:
        for library in libraries(program):
            package = package_of(library)
            if listed.get(package) != facts(package)["version"]:
                yield (f"{path}: {program} loads {library} of {package} "
                       f"{facts(package)['version']}, which it does not name")


def main():
    if sys.argv[1] == "--check":
        findings = list(check(sys.argv[2], sys.argv[3:]))
        print("\n".join(findings) if findings else f"{sys.argv[2]} names what is linked")
        return 1 if findings else 0
    build, name, version, out, *programs = sys.argv[1:]
    bill = document(pathlib.Path(build).resolve(), name, version, programs)
    pathlib.Path(out).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(out).write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
