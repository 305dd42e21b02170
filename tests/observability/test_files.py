"""The rule file, the dashboard and the page agree with each other and with the code."""

import re

from orchestrator.temporal.metrics import ALL, LATENCIES, SECONDS
from settings import ROOT
from tests.docs.pages import anchors, code, section, tables
from tests.observability.files import ALERT_TESTS, ALERTS, DASHBOARD, PAGE, alerts, named

OURS = {metric.name for metric in ALL}


def test_the_page_lists_every_metric() -> None:
    told = [
        (code(row[0])[0], row[1], tuple(code(row[2])), row[3])
        for row in tables(section(PAGE, "Our metrics"))[0]
    ]
    assert told == [(one.name, one.kind, one.labels, one.meaning) for one in ALL]


def test_the_page_lists_every_alert() -> None:
    told = [name for table in tables(section(PAGE, "Alerts")) for row in table for name in code(row[0])]
    assert sorted(told) == sorted(alerts())
    assert len(told) == len(set(told)) > 0


def test_every_alert_has_a_test() -> None:
    tested = re.findall(r'alertname="(\w+)"', ALERT_TESTS.read_text())
    assert [name for name in alerts() if tested.count(name) != 2] == []


def test_every_alert_says_what_to_do_and_where() -> None:
    text = ALERTS.read_text()
    assert text.count("summary:") == text.count("description:") == len(alerts())
    links = re.findall(r"runbook: ([\w./-]+)#?([\w-]*)", text)
    assert len(links) == len(alerts())
    wrong = [
        (path, anchor)
        for path, anchor in links
        if not (ROOT / path).is_file() or (anchor and anchor not in anchors(ROOT / path))
    ]
    assert wrong == []


def test_alerts_and_dashboard_name_our_metrics_as_the_code_does() -> None:
    asked = named(ALERTS.read_text()) | named(DASHBOARD.read_text())
    assert {name for name in asked if name.startswith("orchestrator_")} <= OURS
    assert asked >= OURS


def test_every_duration_of_the_sdk_has_buckets_up_to_an_hour() -> None:
    """The SDK's own buckets end before 30 minutes, at which some alerts begin."""

    asked = named(ALERTS.read_text()) | named(DASHBOARD.read_text())
    durations = {one.removesuffix("_seconds") for one in asked if re.match(r"temporal_\w+_seconds$", one)}
    assert durations <= set(LATENCIES)
    assert SECONDS[-1] >= 3600
