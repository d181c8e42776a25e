"""The files in deploy/ are accepted by the tools they are for, as far as can be tested here."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.ref import InstanceRef
from kubernetes.client import ApiClient
from running import PROJECT

from forge_assets.definitions import defs
from forge_core.files import default_store_url

pytestmark = pytest.mark.slow

DEPLOY = PROJECT / "deploy"
BIN = Path(sys.executable).parent
LAUNCHERS = ("celery", "kubernetes")
CLUSTER_ENV = dict(
    line.split("=", 1)
    for line in (DEPLOY / "cluster.env").read_text().splitlines()
    if line and not line.startswith("#")
)


def manifests() -> list[dict]:
    return [
        document
        for name in ("environment", "forge")
        for document in yaml.safe_load_all((DEPLOY / f"kubernetes/{name}.yaml").read_text())
    ]


def manifest(kind: str, name: str) -> dict:
    (found,) = [m for m in manifests() if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def kubernetes_env() -> dict[str, str]:
    """Return the environment of a pod."""
    told = manifest("ConfigMap", "forge-environment")["data"]
    return told | manifest("Secret", "forge-secrets")["stringData"]


def environment(launcher: str) -> dict[str, str]:
    return CLUSTER_ENV if launcher == "celery" else kubernetes_env()


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_dagster_takes_the_configuration_and_each_class_in_it(launcher, tmp_path, monkeypatch):
    shutil.copy(DEPLOY / launcher / "dagster.yaml", tmp_path)
    for name, value in environment(launcher).items():
        monkeypatch.setenv(name, value)
    ref = InstanceRef.from_dir(str(tmp_path))  # Dagster's own schema, and its rules on top
    parts = {
        part.class_name: part
        for part in (ref.run_launcher_data, ref.run_coordinator_data, ref.storage_data)
        if part
    }
    assert len(parts) == 3
    for name, part in parts.items():
        named = getattr(importlib.import_module(part.module_name), name)
        taken = process_config(resolve_to_config_type(named.config_type()), yaml.safe_load(part.config_yaml))
        assert taken.success, taken.errors


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_secrets_and_addresses_are_variables_that_are_documented(launcher):
    text = (DEPLOY / launcher / "dagster.yaml").read_text()
    asked = set(re.findall(r"\{env: (\w+)\}", text))
    assert {"FORGE_PG_HOST", "FORGE_PG_PASSWORD"} <= asked <= set(environment(launcher))
    postgres = yaml.safe_load(text)["storage"]["postgres"]["postgres_db"]
    assert postgres.pop("scheme") == "postgresql+psycopg2"
    assert all(set(value) == {"env"} for value in postgres.values()), "none is written down"


def test_the_variables_of_both_are_those_that_forge_reads(monkeypatch):
    of_kubernetes = {"FORGE_IMAGE", "FORGE_NAMESPACE"}
    of_hosts = {"DAGSTER_HOME", "FORGE_REDIS_URL"}
    assert set(kubernetes_env()) - of_kubernetes == set(CLUSTER_ENV) - of_hosts
    sources = "".join(path.read_text() for path in (PROJECT / "forge_assets").rglob("*.py"))
    for name in ("FORGE_REDIS_URL", "FORGE_RUNS", "MLFLOW_TRACKING_URI"):
        assert f'"{name}"' in sources
    monkeypatch.setenv("FORGE_STORE", CLUSTER_ENV["FORGE_STORE"])
    assert default_store_url() == CLUSTER_ENV["FORGE_STORE"]


def test_both_clusters_differ_in_the_launcher_alone():
    celery, kubernetes = (yaml.safe_load((DEPLOY / of / "dagster.yaml").read_text()) for of in LAUNCHERS)
    assert celery.pop("run_launcher") != kubernetes.pop("run_launcher")
    assert celery == kubernetes
    assert celery["run_monitoring"]["enabled"] and celery["run_retries"]["enabled"]
    assert celery["run_monitoring"]["free_slots_after_run_end_seconds"] > 0
    limits = celery["concurrency"]
    assert limits["runs"]["max_concurrent_runs"] == limits["pools"]["default_limit"]
    assert limits["pools"]["granularity"] == "run"
    alone = yaml.safe_load((PROJECT / "dagster_home/dagster.yaml").read_text())
    assert celery["retention"] == alone["retention"]


def test_a_worker_takes_one_run_at_a_time_and_none_ahead(monkeypatch):
    monkeypatch.setenv("FORGE_REDIS_URL", "redis://127.0.0.1:1/0")
    app = importlib.import_module("forge_assets.workers").app
    assert (app.conf.worker_concurrency, app.conf.worker_disable_prefetch) == (1, True)
    assert {"execute_job", "resume_job"} <= set(app.tasks)
    assert app.conf.broker_url == app.conf.result_backend == "redis://127.0.0.1:1/0"


START_A_CHILD = """
import multiprocessing, sys
import billiard
from forge_assets.workers import allow_children

def start():
    if sys.argv[1] == "allowed":
        allow_children()
    child = multiprocessing.get_context("forkserver").Process(target=int)
    child.start()
    child.join()

process = billiard.Process(target=start, daemon=True)
process.start()
process.join(60)
sys.exit(process.exitcode)
"""


@pytest.mark.parametrize("word", ["allowed", "as it is"])
def test_a_run_in_a_worker_may_start_processes(word):
    """A process of Celery's pool may not start processes by default; a run in it can."""
    command = [sys.executable, "-c", START_A_CHILD, word]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode == 0) == (word == "allowed"), ended.stderr


def test_a_worker_without_an_address_says_so():
    without = {name: value for name, value in os.environ.items() if name != "FORGE_REDIS_URL"}
    command = [sys.executable, "-m", "celery", "-A", "forge_assets.workers", "worker"]
    ended = subprocess.run(command, env=without, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert ended.returncode and "FORGE_REDIS_URL is not set: set it to the URL" in ended.stderr + ended.stdout


def test_kubernetes_takes_the_manifests():
    for found in manifests():
        kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)
    for name in ("forge-webserver", "forge-daemon"):
        pod = manifest("Deployment", name)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert mounts["runs"]["mountPath"] == kubernetes_env()["FORGE_RUNS"]
        assert (BIN / container["args"][0]).exists()
        assert {next(iter(v)) for v in container["envFrom"]} == {"configMapRef", "secretRef"}
    kustomization = yaml.safe_load((DEPLOY / "kubernetes/kustomization.yaml").read_text())
    for name in kustomization["resources"] + kustomization["configMapGenerator"][0]["files"]:
        assert (DEPLOY / "kubernetes" / name).exists()


def test_kubernetes_takes_the_job_of_a_run(tmp_path, monkeypatch):
    """The launcher builds the job itself; the call that would send it to a cluster is intercepted."""
    settings = yaml.safe_load((DEPLOY / "kubernetes/dagster.yaml").read_text())
    del settings["storage"]  # SQLite, here
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings))
    for name, value in kubernetes_env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    jobs = []
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        launcher = instance.run_launcher
        launcher._api_client = SimpleNamespace(
            create_namespaced_job_with_retries=lambda body, namespace: jobs.append((body, namespace))
        )
        job = defs.resolve_implicit_global_asset_job_def()
        run = instance.create_run_for_job(job, job_code_origin=origin())
        launcher.launch_run(SimpleNamespace(dagster_run=run))
    ((body, namespace),) = jobs
    assert namespace == "forge"
    document = ApiClient().sanitize_for_serialization(body)
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    (container,) = document["spec"]["template"]["spec"]["containers"]
    assert container["image"] == kubernetes_env()["FORGE_IMAGE"]
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    text = json.dumps(document)
    for name in ("forge-dagster", "forge-environment", "forge-secrets", "forge-runs"):
        assert name in text
    assert document["spec"]["template"]["spec"]["serviceAccountName"] == "forge"


def origin():
    from dagster._core.code_pointer import ModuleCodePointer
    from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

    pointer = ModuleCodePointer("forge_assets.definitions", "defs", None)
    repository = RepositoryPythonOrigin(sys.executable, pointer, None, ["dagster"])
    return JobPythonOrigin("__ASSET_JOB", repository)


def test_the_image_is_built_of_files_that_are_there_and_lints():
    dockerfile = DEPLOY / "Dockerfile"
    linted = subprocess.run([BIN / "hadolint", dockerfile], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    text = dockerfile.read_text()
    ignored = (PROJECT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for name in line.split():
            assert (PROJECT / name).exists(), name
            assert any(f"!{part}" in ignored for part in (name, str(Path(name).parent))), name
    extras = re.search(r"-e '\.\[(.+)\]'", text)[1].split(",")
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {"cluster", "kubernetes", "onnx", "s3"} == set(extras) <= set(declared)


def test_the_scripts_lint_and_the_units_start_what_is_there():
    scripts = [DEPLOY / "gpu-host.sh", PROJECT / ".ci/run"]
    linted = subprocess.run([BIN / "shellcheck", *scripts], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    units = sorted((DEPLOY / "systemd").glob("*.service"))
    assert len(units) == 3
    for unit in units:
        text = unit.read_text()
        program = re.search(r"^ExecStart=/opt/forge/\.venv/bin/(\S+)", text, re.MULTILINE)[1]
        assert (BIN / program).exists() and "EnvironmentFile=/etc/forge/cluster.env" in text
    worker = (DEPLOY / "systemd/forge-worker@.service").read_text()
    assert "CUDA_VISIBLE_DEVICES=%i" in worker and "-A forge_assets.workers worker" in worker


def test_what_a_cluster_installs_goes_with_dagster():
    pinned = dict(
        line.split("==")
        for line in (PROJECT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    extras = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for asked in {*extras["cluster"], *extras["kubernetes"]}:
        name, version = re.fullmatch(r"([\w-]+)(?:\[\w+\])?==(\S+)", asked).groups()
        assert pinned[name] == version == metadata.version(name)
        assert f"dagster=={pinned['dagster']}" in metadata.requires(name)
