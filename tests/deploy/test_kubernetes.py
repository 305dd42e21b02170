"""The manifests fit Kubernetes' schemas, each other, and the worker."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from settings import ROOT
from tests.docs.pages import code, tables
from worker import GRACE

FOLDER = ROOT / "deploy" / "kubernetes"
APPLIED = sorted(FOLDER.glob("*.yaml"))
EXAMPLES = sorted(FOLDER.glob("*.yaml.example"))
VERSIONS = ("1.31", "1.37")
"""The oldest and the newest release of Kubernetes that the manifests must fit."""
Manifest = dict[str, Any]


def manifests(path: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(path.read_text()))


def everything(kind: str) -> list[Manifest]:
    return [one for path in (*APPLIED, *EXAMPLES) for one in manifests(path) if one["kind"] == kind]


def pods() -> list[Manifest]:
    """Return what each manifest that starts pods says of them."""
    return [one["spec"]["template"]["spec"] for kind in ("Deployment", "Job") for one in everything(kind)]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", [*APPLIED, *EXAMPLES], ids=lambda path: path.name)
def test_a_manifest_fits_the_schema(path: Path, version: str) -> None:
    for manifest in manifests(path):
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_mistyped_field_is_noticed() -> None:
    (worker,) = everything("Deployment")
    worker["spec"]["template"]["spec"]["terminationGracePeriod"] = 45
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(worker, VERSIONS[-1], strict=True)


def test_a_pod_waits_longer_than_a_worker_needs_to_stop() -> None:
    (worker,) = everything("Deployment")
    waits = worker["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert waits >= 2 * GRACE.total_seconds()


def test_a_pod_is_the_user_of_the_image_and_writes_nothing() -> None:
    image = (ROOT / "deploy" / "Containerfile").read_text()
    (user,) = re.findall(r"^USER (\d+):\1$", image, re.MULTILINE)
    for pod in pods():
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == int(user)
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_every_variable_is_a_documented_one() -> None:
    rows = [row for table in tables((ROOT / "docs" / "configuration.md").read_text()) for row in table]
    known = {name for row in rows for name in code(row[0])}
    given = [name for one in everything("ConfigMap") for name in one["data"]]
    given += [name for one in everything("Secret") for name in one["stringData"] if name.isupper()]
    assert [name for name in given if name not in known] == []


def test_what_a_pod_names_exists() -> None:
    names = {one["metadata"]["name"] for kind in ("ConfigMap", "Secret") for one in everything(kind)}
    for pod in pods():
        (container,) = pod["containers"]
        taken = [source[kind]["name"] for source in container["envFrom"] for kind in source]
        taken += [volume["secret"]["secretName"] for volume in pod["volumes"]]
        assert set(taken) <= names


def test_the_probes_and_the_policy_use_the_ports_of_the_worker() -> None:
    (config,), (worker,), (policy,) = map(everything, ("ConfigMap", "Deployment", "NetworkPolicy"))
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name in ("health", "metrics"):
        assert config["data"][f"{name.upper()}_ADDRESS"] == f"0.0.0.0:{ports[name]}"
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [(probe["path"], probe["port"]) for probe in probes] == [
        ("/live", "health"),
        ("/live", "health"),
        ("/ready", "health"),
    ]
    assert [one["port"] for one in policy["spec"]["ingress"][0]["ports"]] == [ports["metrics"]]
