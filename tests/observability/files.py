"""The rule file, the dashboard, and what both ask Prometheus for."""

import json
import re

from settings import ROOT

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
ALERT_TESTS = ROOT / "deploy" / "prometheus" / "alerts.test.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "subscriptions.json"
PAGE = ROOT / "docs" / "observability.md"


def alerts() -> list[str]:
    return re.findall(r"- alert: (\w+)", ALERTS.read_text())


def queries() -> list[str]:
    """Return the queries of the dashboard, with Grafana's interval of one minute."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [query.replace("$__rate_interval", "1m") for query in found]


def named(text: str) -> set[str]:
    """Return the metrics that a text names, without the suffixes of the series of a histogram."""
    found = re.findall(r"\b(?:orchestrator|temporal)_\w+", text)
    return {re.sub(r"_seconds_(bucket|count|sum)$", "_seconds", one) for one in found}
