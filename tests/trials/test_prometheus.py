"""The rules of a chaos run, with shorter times."""

import re

from trials.prometheus import RULES, shortened


def test_all_times_of_a_rule_are_divided() -> None:
    rule = "expr: rate(x[2h] offset 10m) > 3600\nfor: 15m"
    assert shortened(rule, 300) == "expr: rate(x[24s] offset 10s) > 12\nfor: 3s"


def test_latencies_and_shares_of_a_rule_stay() -> None:
    assert shortened("expr: x > 0.5 and y > 5 and z > 2", 300) == "expr: x > 0.5 and y > 5 and z > 2"


def test_the_rule_file_has_no_long_time_left() -> None:
    left = re.findall(r"(?:for: |\[|offset )(\w+)", shortened(RULES.read_text(), 300))
    assert len(left) > 30
    assert [time for time in left if not time.endswith("s")] == []
