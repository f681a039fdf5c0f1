#!/usr/bin/env python3
"""What reports of a generated day must say, worked out from the events themselves.

    report_reference.py --add-disclosures DAY.jsonl
    report_reference.py DAY.jsonl TRUTH.json REPORT_FOLDER

DAY.jsonl is what auditledger-generate printed, REPORT_FOLDER has KIND.json of each kind of report.
Written from shared/reference/domain.md 5, not from tools/report_*.cc. Columns of entry numbers are
left out: a day does not know its place in a log.
"""
import collections
import datetime
import json
import pathlib
import sys

PLACES = {"entry", "entries", "first and last entry"}
HOUR = 3600


def concept(values):
    for value in values or []:
        if value.get("text"):
            return value["text"]
        for coding in value.get("coding", []):
            if coding.get("display") or coding.get("code"):
                return coding.get("display") or coding["code"]
    return ""


def codes(values):
    return [coding.get("code") for value in values or [] for coding in value.get("coding", [])]


class Event:
    def __init__(self, line):
        event = json.loads(line)
        self.event = event
        self.id = event["eventId"]
        self.offset = event["recorded"]["utcOffsetMinutes"]
        self.at = datetime.datetime.fromisoformat(event["recorded"]["at"].replace("Z", "+00:00"))
        agent = event["agent"][0]
        self.user = agent["who"]["reference"]
        self.role = concept(agent.get("role"))
        self.department = agent.get("department", "")
        self.address = agent["network"]["address"]
        self.patients = [f'{p["identifier"]["system"]}|{p["identifier"]["value"]}'
                         for p in event.get("patient", [])]
        self.what = "; ".join(
            entity.get("description") or entity.get("name") or entity["what"]["reference"]
            for entity in event.get("entity", [])
            if "1" not in codes([entity.get("role", {})]))
        self.purpose = concept(event.get("purposeOfUse"))
        self.kind = concept(event.get("code")) or concept(event.get("category"))
        self.kinds = codes(event.get("code")) + codes(event.get("category"))
        self.action = event.get("action", "").replace("ACTION_", "").lower()
        self.override = event.get("emergencyAccess")
        self.explained = ("encounter " + event["encounter"]["reference"] if "encounter" in event
                          else "order " + event["basedOn"][0]["reference"] if "basedOn" in event
                          else "")
        self.purposes = codes(event.get("purposeOfUse"))
        self.recipient = next((a["name"] for a in event["agent"]
                               if "IRCP" in codes([a.get("type", {})])), "not on record")
        self.vip = any("VIP" in codes(entity.get("securityLabel"))
                       for entity in event.get("entity", []))

    @property
    def local(self):
        return self.at.astimezone(datetime.timezone(datetime.timedelta(minutes=self.offset)))

    @property
    def time(self):
        text = self.local.strftime("%Y-%m-%d %H:%M:%S %z")
        return text[:-2] + ":" + text[-2:]

    @property
    def day(self):
        return self.local.strftime("%Y-%m-%d")


def patient_access(events):
    return [[e.time, " ".join(e.patients), e.user, "", e.role, e.department, "", e.kind, e.action,
             e.what, e.purpose, e.address, "yes" if e.override else "no", e.explained,
             ", ".join(["break-glass"] * bool(e.override) + ["unexplained"] * (not e.explained))]
            for e in events if e.patients]


def user_activity(events):
    groups = collections.defaultdict(list)
    for e in events:
        for patient in e.patients:
            groups[e.user, e.day, patient].append(e)
    for of in groups.values():
        of.sort(key=lambda e: e.at)
    return [[user, of[0].role, day, patient, str(len(of)), str(sum(not e.explained for e in of)),
             of[0].time, of[-1].time] for (user, day, patient), of in sorted(groups.items())]


def disclosures(events):
    groups = collections.defaultdict(list)
    for e in events:
        outside = "110106" in e.kinds or "disclose" in e.kinds
        if outside and not {"TREAT", "HPAYMT", "HOPERAT", "PATRQT"} & set(e.purposes):
            for patient in e.patients:
                groups[patient, e.recipient, e.purpose].append(e)
    for of in groups.values():
        of.sort(key=lambda e: e.at)
    return [[of[0].day, patient, recipient, "", "; ".join(sorted({e.what for e in of})), purpose,
             str(len(of)), of[-1].day] for (patient, recipient, purpose), of in groups.items()]


def add_disclosures(day):
    """What the generated hospital does not do: its records leave it, by a stream of their own."""
    lines = day.read_text().splitlines()
    out = []
    patterns = [line for line in lines if "patient" in json.loads(line)][:4]
    for pattern in patterns:
        for to, purpose in (("Court", "HLEGAL"), ("Court", "HLEGAL"), ("Registry", "PUBHLTH"),
                            ("Insurer", "HPAYMT"), ("", "HRESCH")):
            event = json.loads(pattern)
            sequence = len(out) + 1
            event["eventId"] = f"disclosure-{sequence}"
            event["source"].update(streamId="roi-1", streamSequence=str(sequence))
            event["code"] = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/"
                                                    "iso-21089-lifecycle", "code": "disclose"}]}]
            event["purposeOfUse"] = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/"
                                                            "v3-ActReason", "code": purpose}]}]
            if to:
                event["agent"].append({"type": {"coding": [{"code": "IRCP"}]}, "name": to,
                                       "who": {"reference": f"Organization/{to}"}})
            out.append(json.dumps(event))
    day.write_text("\n".join(lines + out) + "\n")


def break_glass(events):
    groups = collections.defaultdict(list)
    for e in events:
        if e.override:
            groups[e.override["overrideId"]].append(e)
    out = {}
    for override, of in groups.items():
        phases = [e.override["phase"].replace("PHASE_", "") for e in of]
        state = ("abandoned" if "OVERRIDE_ABANDONED" in phases
                 else "closed" if "OVERRIDE_STOPPED" in phases else "open")
        out[override] = [of[0].user, of[0].patients[0], state,
                         str(phases.count("ACCESS_UNDER_OVERRIDE"))]
    return out


def watched(events):
    return [[e.time, e.user, e.role, e.department, " ".join(e.patients), e.what, "VIP", e.purpose,
             e.explained] for e in events if e.patients and e.vip]


def incident(events):
    groups = collections.defaultdict(list)
    for e in events:
        for patient in e.patients:
            groups[patient].append(e)
    rows = []
    for patient, of in sorted(groups.items()):
        kinds = []
        for e in of:
            if e.what and len(kinds) < 8 and e.what not in kinds:
                kinds.append(e.what)
        rows.append([patient, min(of, key=lambda e: e.at).time, max(of, key=lambda e: e.at).time,
                     str(len(of)), " ".join(sorted({e.user for e in of})),
                     "; ".join(sorted(kinds))])
    return rows


def review(events):
    days = collections.defaultdict(list)
    for e in events:
        days[e.day].append(e)
    return [[day, str(len(of)), str(len({e.user for e in of})),
             str(sum(bool(e.patients) for e in of)),
             str(sum(bool(e.patients) and not e.explained for e in of)), "0",
             str(sum(bool(e.override) for e in of)), str(sum("110106" in e.kinds for e in of))]
            for day, of in sorted(days.items())]


def most_patients_an_hour(events):
    """By trying each event as the last of the hour; slow and plain."""
    out = {}
    by_user = collections.defaultdict(list)
    for e in events:
        for patient in e.patients:
            by_user[e.user].append((e.at.timestamp(), patient))
    for user, seen in by_user.items():
        seen.sort()
        begin, inside, most = 0, collections.Counter(), 0
        for at, patient in seen:
            inside[patient] += 1
            while seen[begin][0] <= at - HOUR:
                inside[seen[begin][1]] -= 1
                inside += collections.Counter()
                begin += 1
            most = max(most, len(inside))
        if most >= 500:
            out[user] = str(most)
    return out


def load(folder, kind):
    report = json.loads((folder / f"{kind}.json").read_text())
    kept = [i for i, name in enumerate(report["columns"]) if name not in PLACES]
    report["rows"] = [[row[i] for i in kept] for row in report["rows"]]
    report["columns"] = [report["columns"][i] for i in kept]
    return report


def same(kind, found, wanted):
    if sorted(found) == sorted(wanted):
        print(f"{kind}: {len(found)} rows, as worked out")
        return
    missing = [row for row in wanted if row not in found][:3]
    extra = [row for row in found if row not in wanted][:3]
    sys.exit(f"{kind}: {len(found)} rows, not {len(wanted)}; missing {missing}; beyond {extra}")


def check_overrides(report, events, planted):
    wanted = break_glass(events)
    columns = report["columns"]
    found = {row[0]: [row[columns.index("user")], row[columns.index("patient")],
                      row[columns.index("state")], row[columns.index("opened")].split(":")[0]]
             for row in report["rows"]}
    same("break-glass", [[k, *v] for k, v in found.items()], [[k, *v] for k, v in wanted.items()])
    ids = {event_id for case in planted if case["rule"] == "B1" for event_id in case["event_ids"]}
    assert {e.override["overrideId"] for e in events if e.id in ids} <= set(found)


def check_review(report, events, truth):
    same("activity-review", report["rows"], review(events))
    totals = [(name, value) for name, value in report["totals"]]
    wanted = most_patients_an_hour(events)
    assert {name[3:]: value for name, value in totals if name.startswith("V1 ")} == wanted, totals
    by_id = {e.id: e for e in events}
    for rule in ("P1", "B1"):
        for case in truth["planted"]:
            # Of break-glass: the page that was left; the other case is whole.
            users = {by_id[i].user for i in case["event_ids"]}
            if case["rule"] == rule and (rule != "B1" or "turned back" in case["why"]):
                assert all(any(name == f"{rule} {user}" for name, _ in totals) for user in users)
    for gap in truth["gaps"]:
        text = f'missing {gap["sequence"]} to {gap["sequence"]}'
        assert (f'G1 {gap["stream_id"]}', text) in totals, totals


def check_coverage(report, events, truth):
    """By the ledger's clock, so its own streams of today may be there too."""
    columns = report["columns"]
    rows = {row[columns.index("stream")]: row for row in report["rows"]}
    streams = collections.defaultdict(list)
    for e in events:
        streams[e.event["source"]["streamId"]].append(int(e.event["source"]["streamSequence"]))
    for stream, numbers in streams.items():
        missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
        assert rows[stream][columns.index("events")] == str(len(numbers)), stream
        assert rows[stream][columns.index("missing")] == (
            f"{len(missing)}: {', '.join(map(str, missing))}" if missing else "none"), stream
    for gap in truth["gaps"]:
        assert rows[gap["stream_id"]][columns.index("missing")] == f'1: {gap["sequence"]}'
    print(f"coverage: {len(streams)} streams, as worked out")


def check_planted(report, events, truth):
    """Every planted look at a VIP is told, and as unexplained."""
    rows = {(row[0], row[1]): row for row in report["rows"]}
    by_id = {e.id: e for e in events}
    for case in truth["planted"]:
        if case["rule"] == "S5":
            for event_id in case["event_ids"]:
                event = by_id[event_id]
                assert rows[event.time, event.user][-1] == "", event_id


def main():
    if sys.argv[1] == "--add-disclosures":
        return add_disclosures(pathlib.Path(sys.argv[2]))
    day, truth_path, folder = (pathlib.Path(argument) for argument in sys.argv[1:])
    events = [Event(line) for line in day.read_text().splitlines()]
    truth = json.loads(truth_path.read_text())
    same("patient-access", load(folder, "patient-access")["rows"], patient_access(events))
    same("user-activity", load(folder, "user-activity")["rows"], user_activity(events))
    same("disclosures", load(folder, "disclosures")["rows"], disclosures(events))
    same("watched", load(folder, "watched")["rows"], watched(events))
    same("incident", load(folder, "incident")["rows"], incident(events))
    check_overrides(load(folder, "break-glass"), events, truth["planted"])
    check_review(load(folder, "activity-review"), events, truth)
    check_planted(load(folder, "watched"), events, truth)
    check_coverage(load(folder, "coverage"), events, truth)
    return None


if __name__ == "__main__":
    main()
