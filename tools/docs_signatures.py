"""Griffe extension (see mkdocs.yml) that adds the parameters that a class's ``__init__`` does not name.

These are the parameters that it passes to a base class of this package by `**kwargs`, and the fields of a pydantic
model. With them in the signature, the reference has their types, and documenting an unknown parameter is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from griffe import Attribute, Class, Extension, Function, Parameter, ParameterKind, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from griffe import Module

__all__ = ["WholeSignatures"]


class WholeSignatures(Extension):
    """Extension that completes the signatures of a package."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Complete the signatures."""
        for class_ in list(_classes(pkg)):
            if any(str(base) == "BaseModel" for parent in (class_, *class_.mro()) for base in parent.bases):
                class_.set_member("__init__", _init_of_model(class_))
            elif isinstance(init := class_.members.get("__init__"), Function):
                _add_inherited(init, class_.mro())


def _classes(inside: Module | Class) -> Iterator[Class]:
    for member in inside.members.values():
        if member.is_alias:
            continue
        if isinstance(member, Class):
            yield member
        if member.is_module or member.is_class:
            yield from _classes(member)  # type: ignore[arg-type]  # narrowed by is_module and is_class


def _init_of_model(model: Class) -> Function:
    fields = {
        name: Parameter(name, annotation=member.annotation, kind=ParameterKind.keyword_only, default=member.value)
        for parent in (*reversed(model.mro()), model)
        for name, member in parent.members.items()
        if isinstance(member, Attribute) and member.annotation is not None
    }
    own = Parameter("self", kind=ParameterKind.positional_or_keyword)
    return Function("__init__", parent=model, parameters=Parameters(own, *fields.values()), returns="None")


def _add_inherited(init: Function, bases: list[Class]) -> None:
    """Insert the keyword parameters of the bases before `**kwargs`; the nearest base wins."""
    rest = [parameter for parameter in init.parameters if parameter.kind is ParameterKind.var_keyword]
    if not rest:
        return
    named = {parameter.name: parameter for parameter in init.parameters if parameter not in rest}
    for base in bases:
        inherited = base.members.get("__init__")
        for parameter in inherited.parameters if isinstance(inherited, Function) else ():
            if parameter.kind is ParameterKind.keyword_only:
                named.setdefault(parameter.name, parameter)
    init.parameters = Parameters(*named.values(), *rest)
