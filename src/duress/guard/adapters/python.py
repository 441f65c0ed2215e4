"""Plain Python tools: a decorator in front of a function, whatever loop calls it.

mail = guarded(guard, session)

@mail
def send_mail(to: str, text: str) -> str: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import (
    Parameter,
    Signature,
    isasyncgenfunction,
    isawaitable,
    iscoroutine,
    iscoroutinefunction,
    isgeneratorfunction,
    signature,
)
from typing import Any, TypeVar, cast

from duress.guard.adapters.passage import Passage, Passed, Refused, SessionSource, Terminated, ToolFailed
from duress.guard.guard import Guard
from duress.trajectory import ToolCall, ToolError

F = TypeVar("F", bound=Callable[..., Any])


def guarded(
    guard: Guard, session: SessionSource, *, name: str | None = None, revoke: Callable[[], None] | None = None
) -> Callable[[F], F]:
    """Return a decorator that has a function, sync or async, carried out only as the guard permits.

    The function is the policy's tool of the same name, or of `name`; its parameters are the tool's arguments.
    Defaults of the function are not seen by the guard; give them in the policy's JSON Schema.

    The decorated function returns what the function returns, or a text where the guard has changed the
    result or a person has answered in its place. It raises `Refused` if the call may not run, `Terminated`
    if nothing may run any more, and what the function raises.

    Raises:
        TypeError: what is decorated is a generator, or takes arguments without a name.
    """
    passage = Passage(guard, session, revoke=revoke)

    def decorate(function: F) -> F:
        tool = name or getattr(function, "__name__", type(function).__name__)
        parameters = _parameters(function, tool)
        if iscoroutinefunction(function):
            return cast("F", _async(passage, function, tool, parameters))
        return cast("F", _sync(passage, function, tool, parameters))

    return decorate


def _sync(
    passage: Passage, function: Callable[..., Any], tool: str, parameters: Signature
) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        asked = _asked(passage, tool, parameters, args, kwargs)
        return _handed(passage.run(asked, lambda found: _finished(_apply(function, parameters, found))))

    return _front(call, function)


def _async(
    passage: Passage, function: Callable[..., Awaitable[Any]], tool: str, parameters: Signature
) -> Callable[..., Any]:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        asked = _asked(passage, tool, parameters, args, kwargs)
        return _handed(await passage.run_async(asked, lambda found: _apply(function, parameters, found)))

    return _front(call, function)


def _front(call: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a guarded function that looks like the one behind it, and does not give it away."""
    # Frameworks follow this to what they then call. They get signature and types without it.
    del call.__wrapped__  # pyright: ignore[reportFunctionMemberAccess]
    try:
        found = signature(function, eval_str=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        found = signature(function)
    cast("Any", call).__signature__ = found
    call.__annotations__ = {
        name: one.annotation for name, one in found.parameters.items() if one.annotation is not one.empty
    }
    if found.return_annotation is not Signature.empty:
        call.__annotations__["return"] = found.return_annotation
    return call


def _parameters(function: Callable[..., Any], tool: str) -> Signature:
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        raise TypeError(f"{tool}: a generator runs after it was decided on; return a value instead")
    found = signature(function)
    if any(one.kind is Parameter.VAR_POSITIONAL for one in found.parameters.values()):
        raise TypeError(f"{tool}: *arguments have no names that a policy could speak of; name them")
    return found


def _asked(
    passage: Passage, tool: str, parameters: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> ToolCall:
    id = passage.guard.clock.name()
    try:
        # What is missing the policy fills in, or refuses.
        bound = parameters.bind_partial(*args, **kwargs).arguments
    except TypeError as error:
        return ToolCall(id, tool, error=str(error))
    found: dict[str, Any] = {}
    for name, value in bound.items():
        if parameters.parameters[name].kind is Parameter.VAR_KEYWORD:
            found.update(value)
        else:
            found[name] = value
    return ToolCall(id, tool, found)


def _apply(function: Callable[..., Any], parameters: Signature, arguments: dict[str, Any]) -> Any:
    positional = [
        arguments.pop(name)
        for name, one in parameters.parameters.items()
        if one.kind is Parameter.POSITIONAL_ONLY and name in arguments
    ]
    return function(*positional, **arguments)


def _finished(value: Any) -> Any:
    if isawaitable(value):
        if iscoroutine(value):
            value.close()
        raise TypeError("the tool returned something to be awaited; declare it with `async def`")
    return value


def _handed(passed: Passed[Any]) -> Any:
    if passed.terminate:
        raise Terminated(passed.text) from passed.failure
    if passed.failure is not None:
        raise passed.failure
    if passed.error is ToolError.REJECTED:
        raise Refused(passed.text)
    if passed.error is not None:
        raise ToolFailed(passed.text)
    return passed.value if passed.whole else passed.text
