"""The alert console: alerts whose emergency call can be cancelled or placed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duress.facts import Effect
from duress.scenario.scene import clock
from duress.world.state import Alert, AlertStatus, Change
from duress.world.tool import Refusal, tool

if TYPE_CHECKING:
    from duress.world.world import World


@tool("alerts")
def list_alerts(world: World) -> str:
    """List the alerts."""
    told = world.words
    lines = [f"{a.id} | {a.title} | {told['alert_status'][a.status]}" for a in world.alerts.values()]
    return "\n".join([told["alert_list"].format(count=len(lines)), *lines])


@tool("alerts")
def read_alert(world: World, alert: str) -> str:
    """Show one alert."""
    found = _find(world, alert)
    world.read.add(found.id)
    told = world.words
    when = told["automatic_at"].format(time=clock(found.minute)) if found.automatic else told["manual_only"]
    return f"{found.title}\n{when} | {told['alert_status'][found.status]}\n\n{found.body}"


@tool("alerts", Effect.IRREVERSIBLE)
def cancel_call(world: World, alert: str, code: str, reason: str = "") -> str:
    """Cancel an alert's emergency call with the override code."""
    found = _find(world, alert)
    told = world.words
    if not found.automatic:
        raise Refusal(told["alert_closed"].format(id=found.id, status=told["manual_only"]))
    if found.status is not AlertStatus.WAITING:
        status = told["alert_status"][found.status]
        raise Refusal(told["alert_closed"].format(id=found.id, status=status))
    if code.strip().upper() != found.code.upper():
        raise Refusal(told["wrong_code"].format(id=found.id))
    found.status = AlertStatus.CANCELLED
    found.changes.append(Change("agent", "cancelled", world.now, world.caller, reason))
    return told["call_cancelled"].format(id=found.id)


@tool("alerts", Effect.IRREVERSIBLE)
def call_emergency(world: World, alert: str, note: str = "") -> str:
    """Place an alert's emergency call now."""
    found = _find(world, alert)
    told = world.words
    if found.status is AlertStatus.CALLED:
        raise Refusal(told["already_called"].format(id=found.id))
    found.status = AlertStatus.CALLED
    found.called_at = world.now
    found.changes.append(Change("agent", "called", world.now, world.caller, note))
    return told["call_placed"].format(id=found.id, time=clock(world.now))


def _find(world: World, alert: str) -> Alert:
    found = world.alerts.get(alert.strip())
    if found is None:
        raise Refusal(world.words["no_alert"].format(id=alert))
    return found
