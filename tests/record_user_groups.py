"""Record the histories of user groups: `make record`."""

from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.processes import Processes
from tests.recorded import save


async def test_record_done(worker: None, processes: Processes) -> None:
    handle = await processes.create_user_group()
    await handle.result()
    await save(handle, "create_user_group.done")


async def test_record_outage(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="unreachable", times=3))
    handle = await processes.create_user_group()
    await handle.result()
    await save(handle, "create_user_group.outage")


async def test_record_retried(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await processes.retry(handle, by="bob", reason="name freed")
    await handle.result()
    await save(handle, "create_user_group.retried")


async def test_record_aborted(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.create_user_group()
    await processes.until_parked(handle)
    await handle.cancel(reason="carol: wrong name")
    await processes.until_closed(handle)
    await save(handle, "create_user_group.aborted")


async def test_record_modify(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Before")
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await handle.result()
    await save(handle, "modify_user_group.done")


async def test_record_aborted_modify(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    group_id = await processes.active_group("Before")
    await groups.system.order(Fault(kind="reject", times=1))
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await processes.until_parked(handle)
    await handle.cancel(reason="carol: wrong name")
    await processes.until_closed(handle)
    await save(handle, "modify_user_group.aborted")


async def test_record_refused_modify(worker: None, processes: Processes) -> None:
    group_id = await processes.active_group("Before")
    handle = await processes.start("modify_user_group", group_id, group_name="After", version=7)
    await processes.failure(handle)
    await save(handle, "modify_user_group.refused")


async def test_record_terminate(worker: None, processes: Processes) -> None:
    handle = await processes.start("terminate_user_group", await processes.active_group())
    await handle.result()
    await save(handle, "terminate_user_group.done")


async def test_record_terminate_aborted_too_late(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    group_id = await processes.active_group()
    await groups.system.order(Fault(kind="slow", seconds=1, times=1))
    handle = await processes.start("terminate_user_group", group_id)
    await processes.until_step(handle, "deprovision_user_group")
    await handle.cancel(reason="carol: changed my mind")
    await handle.result()
    await save(handle, "terminate_user_group.forward")


async def test_record_validate(worker: None, processes: Processes) -> None:
    handle = await processes.start("validate_user_group", await processes.active_group())
    await handle.result()
    await save(handle, "validate_user_group.done")


async def test_record_discrepancy(worker: None, processes: Processes, groups: FakeGroupManagement) -> None:
    group_id = await processes.active_group()
    await groups.system.tamper(group_id, None)
    handle = await processes.start("validate_user_group", group_id)
    await processes.failure(handle)
    await save(handle, "validate_user_group.discrepancy")
