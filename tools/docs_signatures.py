"""Griffe extension (see mkdocs.yml) that adds the parameters that a class's ``__init__`` does not name.

Those that it hands on to a base class of this package by `**kwargs`, and the fields of a pydantic model. With both in
the signature, the reference has their types, and a documented parameter that does not exist is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from griffe import Attribute, Class, Extension, Function, Parameter, ParameterKind, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from griffe import Module

__all__ = ["WholeSignatures"]


class WholeSignatures(Extension):
    """Completes the signatures of a package once it is read."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Complete them."""
        for each in list(_classes(pkg)):
            if any(str(base) == "BaseModel" for parent in (each, *each.mro()) for base in parent.bases):
                each.set_member("__init__", _init_of_model(each))
            elif isinstance(init := each.members.get("__init__"), Function):
                _take_over(init, each.mro())


def _classes(inside: Module | Class) -> Iterator[Class]:
    for member in inside.members.values():
        if member.is_alias:
            continue
        if isinstance(member, Class):
            yield member
        if member.is_module or member.is_class:
            yield from _classes(member)  # type: ignore[arg-type]  # what is_module and is_class say


def _init_of_model(model: Class) -> Function:
    fields = {
        name: Parameter(name, annotation=member.annotation, kind=ParameterKind.keyword_only, default=member.value)
        for parent in (*reversed(model.mro()), model)
        for name, member in parent.members.items()
        if isinstance(member, Attribute) and member.annotation is not None
    }
    own = Parameter("self", kind=ParameterKind.positional_or_keyword)
    return Function("__init__", parent=model, parameters=Parameters(own, *fields.values()), returns="None")


def _take_over(init: Function, bases: list[Class]) -> None:
    """Put before `**kwargs` what the nearest base that names it takes by keyword."""
    rest = [each for each in init.parameters if each.kind is ParameterKind.var_keyword]
    if not rest:
        return
    named = {each.name: each for each in init.parameters if each not in rest}
    for base in bases:
        theirs = base.members.get("__init__")
        for each in theirs.parameters if isinstance(theirs, Function) else ():
            if each.kind is ParameterKind.keyword_only:
                named.setdefault(each.name, each)
    init.parameters = Parameters(*named.values(), *rest)
