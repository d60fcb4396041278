"""What a `_target_` accepts, read from its source text, so that a config is checked without importing torch."""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromahint.config.errors import ConfigError

PLAIN = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}


@dataclass(frozen=True)
class Parameter:
    """One argument of a target: its annotation, and whether it must be given."""

    annotation: ast.expr | None
    required: bool


@dataclass(frozen=True)
class Signature:
    """The arguments of a target.

    Attributes:
        parameters: by name.
        methods: names of its methods, if it is a class.
        forwards_to: the parameter `NAME` that a catch-all argument `**NAME_options` belongs to, if there is one.
    """

    parameters: dict[str, Parameter]
    methods: frozenset[str]
    forwards_to: str | None = None


@functools.lru_cache(maxsize=256)
def signature(target: str) -> Signature:
    """Read the signature of a class or function such as `chromahint.models.unet.UNet`."""
    module, _, name = target.rpartition(".")
    try:
        tree = ast.parse(_source(target, module))
    except SyntaxError as error:
        raise ConfigError(f"_target_: {target}: the file of {module} is no Python, line {error.lineno}") from None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return Signature(dict(_arguments(node.args)), frozenset(), _forwards_to(node.args))
        if isinstance(node, ast.ClassDef) and node.name == name:
            methods = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)}
            if "__init__" in methods:
                arguments = methods["__init__"].args
                parameters = dict(list(_arguments(arguments))[1:])
                return Signature(parameters, frozenset(methods), _forwards_to(arguments))
            return Signature(dict(_fields(node)), frozenset(methods))
    raise ConfigError(f"_target_: {target}: the file of {module} defines no {name}")


def accepts(annotation: ast.expr | None, value: Any) -> bool:
    """Tell whether a value from a config fits an annotation; annotations beyond plain types accept anything.

    >>> number = ast.parse("int | None", mode="eval").body
    >>> accepts(number, 3), accepts(number, None), accepts(number, "three"), accepts(number, True)
    (True, True, False, False)
    """
    match annotation:
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return accepts(ast.parse(text, mode="eval").body, value)
        case ast.Name(id="int"):
            return isinstance(value, int) and not isinstance(value, bool)
        case ast.Name(id="float"):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.Name(id="bool"):
            return isinstance(value, bool)
        case ast.Name(id="str"):
            return isinstance(value, str)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return accepts(left, value) or accepts(right, value)
        case ast.Subscript(value=ast.Name(id="Literal"), slice=allowed):
            return value in _literals(allowed)
        case ast.Subscript(value=ast.Name(id="list" | "Sequence"), slice=item):
            return isinstance(value, list) and all(accepts(item, v) for v in value)
        case ast.Subscript(value=ast.Name(id="dict")):
            return isinstance(value, dict)
    return True


def describe(annotation: ast.expr | None) -> str:
    """Say in words what an annotation allows.

    >>> describe(ast.parse("Literal['cbam', 'spatial'] | None", mode="eval").body)
    'cbam, spatial or null'
    """
    *first, last = _alternatives(annotation)
    return f"{', '.join(first)} or {last}" if first else last


def _alternatives(annotation: ast.expr | None) -> list[str]:
    match annotation:
        case ast.Constant(value=None):
            return ["null"]
        case ast.Name(id=name) if name in PLAIN:
            return [PLAIN[name]]
        case ast.BinOp(left=left, right=right):
            return [*_alternatives(left), *_alternatives(right)]
        case ast.Subscript(value=ast.Name(id="Literal"), slice=allowed):
            return [str(v) for v in _literals(allowed)]
        case ast.Subscript(value=ast.Name(id="list" | "Sequence"), slice=item):
            return [f"a list [...] of which each is {describe(item)}"]
    return [ast.unparse(annotation) if annotation else "anything"]


def _source(target: str, module: str) -> str:
    try:
        spec = importlib.util.find_spec(module) if module else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise ConfigError(
            f"_target_: {target}: there is no Python module {module or target!r}; "
            "write package.module.Name of a class in an installed package or the current folder"
        )
    return Path(spec.origin).read_text(encoding="utf-8")


def _arguments(arguments: ast.arguments) -> Iterator[tuple[str, Parameter]]:
    positional = [*arguments.posonlyargs, *arguments.args]
    first_default = len(positional) - len(arguments.defaults)
    for index, argument in enumerate(positional):
        yield argument.arg, Parameter(argument.annotation, index < first_default)
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield argument.arg, Parameter(argument.annotation, default is None)


def _forwards_to(arguments: ast.arguments) -> str | None:
    return arguments.kwarg.arg.removesuffix("_options") if arguments.kwarg else None


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, Parameter]]:
    if any("dataclass" in ast.unparse(d) for d in node.decorator_list):
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield field.target.id, Parameter(field.annotation, field.value is None)


def _literals(allowed: ast.expr) -> list[Any]:
    return [ast.literal_eval(e) for e in (allowed.elts if isinstance(allowed, ast.Tuple) else [allowed])]
