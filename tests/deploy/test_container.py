"""The container file is sound, and what it copies is enough for a worker; no engine is needed for that."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from settings import ROOT

FILE = ROOT / "deploy" / "Containerfile"
LINTER = Path(sys.executable).with_name("hadolint")


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINTER, path], capture_output=True, text=True, check=False)


def copied() -> list[str]:
    """Return what the container file copies from the project into the image."""
    lines = re.findall(r"^COPY (?!--from)(.*) \S+$", FILE.read_text(), re.MULTILINE)
    return [one for line in lines for one in line.split()]


def needed() -> list[str]:
    """Return the folders and files that the ignore file lets into a build."""
    return re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)


def test_the_linter_finds_nothing() -> None:
    assert (lint(FILE).returncode, lint(FILE).stdout) == (0, "")


def test_the_linter_finds_a_mistake(tmp_path: Path) -> None:
    (wrong := tmp_path / "Containerfile").write_text(FILE.read_text().replace("WORKDIR /app", "RUN cd /app"))
    assert lint(wrong).returncode != 0


def test_a_build_gets_what_it_copies_and_no_more() -> None:
    assert sorted(copied()) == sorted(needed())


@pytest.mark.parametrize("arguments", [["--help"], []])
def test_what_is_copied_is_enough_for_a_worker(tmp_path: Path, arguments: list[str]) -> None:
    for name in copied():
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    services = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "DATABASE_URL": "postgresql://worker@127.0.0.1:1/x"}
    command = [sys.executable, "worker.py", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, env=services, capture_output=True, text=True, check=False)
    if arguments:
        assert (ended.returncode, ended.stderr) == (0, "")
    else:
        assert ended.stderr.startswith("worker: Cannot reach Temporal at 127.0.0.1:1")


def test_the_image_holds_no_secret_and_no_root() -> None:
    text = FILE.read_text()
    assert not re.search(r"(?i)password|api_key|secret", text)
    assert re.search(r"^USER [1-9]\d*:", text, re.MULTILINE)
    assert "--require-hashes" in text
