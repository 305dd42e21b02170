"""A step must know within its time whether an abort was requested, or that Temporal does not say."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.temporal import executions
from orchestrator.temporal.executions import Execution, is_cancellation_requested


async def test_the_whole_question_has_one_time_limit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Temporal that limits its rate refuses at once; the SDK then waits and asks again."""

    async def ask_again_and_again(client: Client, process_id: str) -> Execution:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(executions, "_describe", ask_again_and_again)
    monkeypatch.setattr(executions, "PATIENCE", timedelta(seconds=0.05))
    with pytest.raises(RPCError) as refused:
        await is_cancellation_requested(client, "any")
    assert refused.value.status is RPCStatusCode.DEADLINE_EXCEEDED
