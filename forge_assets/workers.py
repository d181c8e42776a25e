"""The run launcher for many machines: it sends runs through Redis to Celery workers, and detects lost ones.

A worker runs `app`: `celery -A forge_assets.workers worker -n NAME@%h`. Dagster's own app,
`dagster_celery.app`, supports only AMQP. deploy/celery/dagster.yaml selects `WorkerLauncher` for the daemon
and the web server.
"""

from __future__ import annotations

import multiprocessing.process
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg
from celery import Celery
from celery.signals import worker_process_init
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.make_app import make_app
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from forge_assets.dagster_internals import CheckRunHealthResult, WorkerStatus, instance_of
from forge_core.environment import variable
from forge_core.errors import BadInput

SETTINGS: Mapping[str, Any] = {
    "worker_concurrency": 1,  # a run takes all cores, or the GPU that the worker sees
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,  # a prefetched run would wait here while another worker idles
    "worker_max_tasks_per_child": 100,  # frees the memory that runs leave allocated
    "broker_connection_retry_on_startup": True,
    # Workers acknowledge a run when it begins, so this timeout only expires if a worker dies at that moment.
    "broker_transport_options": {"visibility_timeout": 60},
    "task_default_queue": "dagster",
}
"""Celery's settings, the same for workers and the launcher"""
CACHE_S = 5.0
"""seconds for which the workers' answer is reused; monitoring checks one run after another"""
ANSWER_S = 2.0
"""seconds that workers have to answer"""
_WORKER = multiprocessing.process.current_process()


@worker_process_init.connect
def allow_children(**_: Any) -> None:
    """Let runs start child processes, as training on live deals does.

    The processes of Celery's pool are daemons of billiard: multiprocessing forbids them to have children, and
    cannot pass on their keys. Therefore each one is made to look like the worker itself.
    """
    multiprocessing.process._current_process = _WORKER  # pyright: ignore[reportAttributeAccessIssue]


def worker_app(redis: str) -> Celery:
    """Return the Celery app of a worker, which executes runs and keeps their results in Redis."""
    app = make_app({"broker": redis, "backend": redis, "config_source": dict(SETTINGS)})
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app


class WorkerLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, except that a run counts as alive only while a worker executes it.

    Dagster's own launcher trusts the last state of the task. That state stays "started" when the worker is
    killed, and is "success" when the run could not record its end because the database was down.
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
        self._missing_since: dict[str, float] = {}
        """id of a run that no worker executes -> time since when, monotonic s"""
        self._executed: set[str] = set()
        """ids of the tasks that workers were executing when last asked"""
        self._asked = float("-inf")

    @classmethod
    def config_type(cls):
        """Return the fields that dagster.yaml may set."""
        return {
            "redis": dg.Field(dg.StringSource, description="redis://HOST:PORT/NUMBER"),
            "lost_after_seconds": dg.Field(
                dg.IntSource,
                is_required=False,
                default_value=60,
                description="seconds without a worker after which a run is reported as failed",
            ),
        }

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Report to run monitoring whether a worker is executing a started run."""
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task in self._tasks_in_work():
            self._missing_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        missing_s = time.monotonic() - self._missing_since.setdefault(run.run_id, time.monotonic())
        if missing_s < self.lost_after_seconds:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        self._missing_since.pop(run.run_id)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"no worker has executed it for {missing_s:.0f} s")

    def terminate(self, run_id: str) -> bool:
        """Interrupt a run; run monitoring cancels it if it does not react."""
        instance = instance_of(self)
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        instance.report_run_canceling(run)
        if task := run.tags.get(DAGSTER_CELERY_TASK_ID_TAG):
            self.celery.control.revoke(task, terminate=True)
        return True

    def _tasks_in_work(self) -> set[str]:
        if time.monotonic() - self._asked > CACHE_S:
            answers = self.celery.control.inspect(timeout=ANSWER_S).active() or {}
            self._executed = {task["id"] for tasks in answers.values() for task in tasks}
            self._asked = time.monotonic()
        return self._executed


def __getattr__(name: str) -> Celery:
    # `app` is created when a worker imports it: the launcher does not need FORGE_REDIS_URL.
    if name != "app":
        raise AttributeError(name)
    if not (redis := variable("FORGE_REDIS_URL")):
        raise BadInput("FORGE_REDIS_URL is not set: set it to the URL of Redis, redis://HOST:PORT/0")
    return worker_app(redis)
