"""Many machines: runs go through Redis to workers, and one whose worker is gone is noticed.

`app` is what a worker runs: `celery -A forge_assets.workers worker -n NAME@%h`. Dagster's own
(`dagster_celery.app`) speaks AMQP. `WorkerLauncher` is what dagster.yaml names; it stands beside
the daemon and the web server.
"""

from __future__ import annotations

import multiprocessing.process
import os
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from celery import Celery
from celery.signals import worker_process_init
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.make_app import make_app
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from forge_core.errors import BadInput

SETTINGS: Mapping[str, Any] = {
    "worker_concurrency": 1,  # a run takes all cores, or the GPU that the worker sees
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,  # a run taken ahead would wait here while another worker idles
    "worker_max_tasks_per_child": 100,  # what runs leave in memory goes with the process
    "broker_connection_retry_on_startup": True,
    # A run is acknowledged when it begins, so this passes only when a worker dies at that moment.
    "broker_transport_options": {"visibility_timeout": 60},
    "task_default_queue": "dagster",
}
ASKED_EVERY_S = 5.0
"""what workers say they work at is believed for so long"""
ANSWER_S = 2.0
"""how long they have to say it"""
_WORKER = multiprocessing.process.current_process()


@worker_process_init.connect
def allow_children(**_: Any) -> None:
    """A run may start processes of its own, as training on live deals does.

    The processes of Celery's pool are daemons of billiard, which may not, and whose keys
    multiprocessing can't send on: for multiprocessing, each is the worker itself.
    """
    multiprocessing.process._current_process = _WORKER


def worker_app(redis: str) -> Celery:
    """The Celery app of a worker: it executes runs, and keeps what became of them in Redis."""
    app = make_app({"broker": redis, "backend": redis, "config_source": dict(SETTINGS)})
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app


class WorkerLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which believes a run to be alive for as long as a worker works at it.

    Dagster's own believes the last state of the task, which stays "started" when the worker is
    killed, and "success" when the run could not write its end to a database that was away.
    """

    def __init__(self, redis: str, lost_after_seconds: int, inst_data=None) -> None:
        super().__init__(
            default_queue=SETTINGS["task_default_queue"],
            broker=redis,
            backend=redis,
            config_source=dict(SETTINGS),
            inst_data=inst_data,
        )
        self.lost_after_seconds = lost_after_seconds
        self._missed: dict[str, float] = {}
        """since when no worker is known to work at a run"""
        self._working: set[str] = set()
        self._asked = float("-inf")

    @classmethod
    def config_type(cls):
        """What dagster.yaml may say."""
        return {
            "redis": dg.Field(dg.StringSource, description="redis://HOST:PORT/NUMBER"),
            "lost_after_seconds": dg.Field(
                dg.IntSource,
                is_required=False,
                default_value=60,
                description="a run that no worker has worked at for so long is reported failed",
            ),
        }

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether a worker works at a run that has begun; asked by run monitoring."""
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task in self._tasks_in_work():
            self._missed.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        missed_s = time.monotonic() - self._missed.setdefault(run.run_id, time.monotonic())
        if missed_s < self.lost_after_seconds:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        self._missed.pop(run.run_id)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"no worker has worked at it for {missed_s:.0f} s")

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run; one that doesn't answer is canceled by run monitoring."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if task := run.tags.get(DAGSTER_CELERY_TASK_ID_TAG):
            self.celery.control.revoke(task, terminate=True)
        return True

    def _tasks_in_work(self) -> set[str]:
        if time.monotonic() - self._asked > ASKED_EVERY_S:
            answers = self.celery.control.inspect(timeout=ANSWER_S).active() or {}
            self._working = {task["id"] for tasks in answers.values() for task in tasks}
            self._asked = time.monotonic()
        return self._working


def __getattr__(name: str) -> Celery:
    # Provenance when a worker asks for it: the launcher takes its address from dagster.yaml.
    if name != "app":
        raise AttributeError(name)
    if not (redis := os.environ.get("FORGE_REDIS_URL")):
        raise BadInput("FORGE_REDIS_URL is not set: give the worker the URL of Redis, redis://HOST:PORT/0")
    return worker_app(redis)
