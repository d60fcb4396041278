"""Read the signature of a `_target_` from its source text, so that a config is checked without importing torch.

Annotations become objects of `typing`, with the metadata of `annotated_types`: `chromahint.ranges` checks values
against them. Names are looked up in the module itself and in those of the same package that it imports from; a type
that can't be told from the text becomes a `ForwardRef`, which accepts any value.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ForwardRef, Literal, Union

import annotated_types

from chromahint.config.errors import ConfigError
from chromahint.ranges import MISSING, HasTarget, IsDirectory

_TYPES = {"int": int, "float": float, "bool": bool, "str": str}
_LISTS = ("list", "List", "Sequence")
_DICTS = ("dict", "Dict", "Mapping")
_RULES = {name: getattr(annotated_types, name) for name in ("Ge", "Gt", "Le", "Lt", "MinLen", "MaxLen", "Len")}
_RULES |= {rule.__name__: rule for rule in (annotated_types.Interval, annotated_types.MultipleOf)}
_RULES |= {rule.__name__: rule for rule in (IsDirectory, HasTarget)}
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Pow: operator.pow}


@dataclass(frozen=True)
class SignatureParameter:
    """One argument of a target.

    Attributes:
        annotation: its type, with the metadata that bounds it; `Any` if it has no annotation.
        required: whether it must be given.
        default: its default value; `MISSING` if it has none, or none that the text tells.
    """

    annotation: Any
    required: bool
    default: Any = MISSING


@dataclass(frozen=True)
class Signature:
    """What a config may say about a target.

    Attributes:
        parameters: its arguments by name.
        methods: names of its methods, if it is a class.
        constants: class attributes with a literal value, such as `needs_classes`.
        forwards_to: the parameter `NAME` that a catch-all argument `**NAME_options` belongs to, if there is one.
    """

    parameters: dict[str, SignatureParameter]
    methods: frozenset[str] = frozenset()
    constants: dict[str, Any] = field(default_factory=dict)
    forwards_to: str | None = None


@functools.lru_cache(maxsize=256)
def signature(target: str) -> Signature:
    """Read the signature of a class or function such as `chromahint.models.unet.UNet`.

    Raises:
        ConfigError: the module is not found, is not Python, or doesn't define the name.
    """
    module_name, _, name = target.rpartition(".")
    try:
        module = _read_module(module_name)
    except SyntaxError as error:
        raise ConfigError(f"_target_={target}: {module_name} is not valid Python (line {error.lineno}).") from None
    if module is None:
        raise ConfigError(
            f"_target_={target}: module {module_name or repr(target)} not found. "
            "Write package.module.Name of a class in an installed package or in the current folder."
        )
    # a package may offer a name that one of its modules defines
    name, module = module.look_up(name) or (name, module)
    match module.definitions.get(name):
        case ast.FunctionDef(args=arguments):
            return Signature(dict(module.arguments(arguments)), forwards_to=_forwards_to(arguments))
        case ast.ClassDef() as definition:
            return _of_class(definition, module)
    raise ConfigError(f"_target_={target}: {module_name} defines no {name}. Write the name of a class in that module.")


def _of_class(definition: ast.ClassDef, module: _Module) -> Signature:
    """The signature of a class, with what it inherits from classes of the same package."""
    bases = [base for each in definition.bases if (base := module.base(each, definition)) is not None]
    inherited = bases[0] if bases else Signature({})
    methods = {node.name: node for node in definition.body if isinstance(node, ast.FunctionDef)}
    names = frozenset(methods).union(*(base.methods for base in bases))
    constants = inherited.constants | dict(module.constants(definition))
    if "__init__" in methods:
        arguments = methods["__init__"].args
        parameters = dict(list(module.arguments(arguments))[1:])
        return Signature(parameters, names, constants, _forwards_to(arguments))
    own = dict(module.fields(definition)) if _is_dataclass(definition) else {}
    return Signature(inherited.parameters | own, names, constants, inherited.forwards_to)


@dataclass(frozen=True, eq=False)
class _Module:
    """The names that a source file defines at its top level.

    Attributes:
        name: its dotted name.
        definitions: classes and functions.
        aliases: values of assignments.
        imports: module and name that a local name stands for.
        star_imports: modules all of whose names are imported.
    """

    name: str
    definitions: dict[str, ast.stmt]
    aliases: dict[str, ast.expr]
    imports: dict[str, tuple[str, str]]
    star_imports: list[str]

    def arguments(self, arguments: ast.arguments) -> Iterator[tuple[str, SignatureParameter]]:
        """The arguments of a function, `self` included."""
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = [*zip(positional, [*defaults, *arguments.defaults], strict=True)]
        for argument, default in [*pairs, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
            yield argument.arg, self._parameter(argument.annotation, default)

    def fields(self, definition: ast.ClassDef) -> Iterator[tuple[str, SignatureParameter]]:
        """The fields of a dataclass."""
        for node in definition.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_parameter(node):
                yield node.target.id, self._parameter(node.annotation, node.value)

    def constants(self, definition: ast.ClassDef) -> Iterator[tuple[str, Any]]:
        """Class attributes with a literal value."""
        for node in definition.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, self._constant(value)
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if _is_class_var(node):
                    yield name, self._constant(value)

    def base(self, expression: ast.expr, derived: ast.ClassDef) -> Signature | None:
        """The signature of a base class, if it is one of the same package."""
        found = self.look_up(expression.id) if isinstance(expression, ast.Name) else None
        definition = found[1].definitions.get(found[0]) if found else None
        if found is None or not isinstance(definition, ast.ClassDef) or definition is derived:
            return None
        return _of_class(definition, found[1])

    def resolve(self, expression: ast.expr | None) -> Any:
        """Turn the text of an annotation into a type."""
        match expression:
            case None:
                return Any
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=str(text)):
                return self.resolve(ast.parse(text, mode="eval").body)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return Union[self.resolve(left), self.resolve(right)]  # noqa: UP007  # `|` has no room for a ForwardRef
            case ast.Subscript(value=generic, slice=inner):
                return self._resolve_generic(_last_name(generic), inner, expression)
            case ast.Name(id=name) if name in _TYPES:
                return _TYPES[name]
            case ast.Name(id=name):
                found = self.look_up(name)
                if found is not None and (alias := found[1].aliases.get(found[0])) is not None:
                    return found[1].resolve(alias)
        return Any if _last_name(expression) == "Any" else ForwardRef(ast.unparse(expression))

    def _resolve_generic(self, name: str, inner: ast.expr, whole: ast.expr) -> Any:
        items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name == "Annotated":
            rules = [rule for each in items[1:] if (rule := self._rule(each)) is not None]
            base = self.resolve(items[0])
            return Annotated[(base, *rules)] if rules else base
        if name == "Literal" and MISSING not in (values := tuple(self._constant(each) for each in items)):
            return Literal[values]
        if name == "Union":
            return Union[tuple(self.resolve(each) for each in items)]  # noqa: UP007
        if name == "Optional":
            return Union[self.resolve(items[0]), None]  # noqa: UP007
        if name in _LISTS:
            return list[self.resolve(items[0])]  # type: ignore[misc]
        if name in _DICTS and len(items) == 2:
            return dict[self.resolve(items[0]), self.resolve(items[1])]  # type: ignore[misc]
        return ForwardRef(ast.unparse(whole))

    def _rule(self, expression: ast.expr) -> Any:
        """The metadata that a call such as `Ge(1)` stands for; None for what bounds nothing."""
        if not isinstance(expression, ast.Call) or _last_name(expression.func) not in _RULES:
            return None
        values = [self._constant(each) for each in expression.args]
        named = {each.arg: self._constant(each.value) for each in expression.keywords if each.arg}
        return None if MISSING in (*values, *named.values()) else _RULES[_last_name(expression.func)](*values, **named)

    def _parameter(self, annotation: ast.expr | None, default: ast.expr | None) -> SignatureParameter:
        return SignatureParameter(self.resolve(annotation), default is None, self._constant(default))

    def _constant(self, expression: ast.expr | None) -> Any:
        """The value of an expression of literals and named constants; `MISSING` for any other."""
        match expression:
            case None:
                return MISSING
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
                values = self._constant(left), self._constant(right)
                return MISSING if MISSING in values else _OPERATORS[type(sign)](*values)
            case ast.Name(id=name):
                found = self.look_up(name)
                return MISSING if found is None else found[1]._constant(found[1].aliases.get(found[0]))
        try:
            return ast.literal_eval(expression)
        except ValueError:
            return MISSING

    def look_up(self, name: str) -> tuple[str, _Module] | None:
        """Name and module where a local name is defined, if that is this package or Chromahint."""
        if name in self.aliases or name in self.definitions:
            return name, self
        imported = [self.imports[name]] if name in self.imports else [(each, name) for each in self.star_imports]
        for source, original in imported:
            if source.partition(".")[0] not in (self.name.partition(".")[0], "chromahint"):
                continue  # to find a module inside another package, Python imports that package
            try:
                module = _read_module(source)
            except SyntaxError:
                continue
            if module is not None and (found := module.look_up(original)) is not None:
                return found
        return None


@functools.lru_cache(maxsize=256)
def _read_module(name: str) -> _Module | None:
    try:
        spec = importlib.util.find_spec(name) if name else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    module = _Module(name, {}, {}, {}, [])
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        match node:
            case ast.ClassDef(name=defined) | ast.FunctionDef(name=defined):
                module.definitions[defined] = node
            case ast.Assign(targets=[ast.Name(id=defined)], value=value):
                module.aliases[defined] = value
            case ast.AnnAssign(target=ast.Name(id=defined), value=ast.expr() as value):
                module.aliases[defined] = value
            case ast.ImportFrom(module=source, names=names, level=level):
                parents = package.split(".")[: len(package.split(".")) + 1 - level] if level else []
                source = ".".join([*parents, *([source] if source else [])])
                module.imports.update({each.asname or each.name: (source, each.name) for each in names})
                module.star_imports.extend(source for each in names if each.name == "*")
    return module


def _last_name(expression: ast.expr) -> str:
    """`Literal` for both `Literal` and `typing.Literal`."""
    match expression:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _forwards_to(arguments: ast.arguments) -> str | None:
    return arguments.kwarg.arg.removesuffix("_options") if arguments.kwarg else None


def _is_dataclass(definition: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list)


def _is_parameter(node: ast.AnnAssign) -> bool:
    """Tell whether a field of a dataclass is a parameter: not a class variable, nor declared with `init=False`."""
    excluded = isinstance(node.value, ast.Call) and "init=False" in map(ast.unparse, node.value.keywords)
    return not _is_class_var(node) and not excluded


def _is_class_var(node: ast.AnnAssign) -> bool:
    return "ClassVar" in ast.unparse(node.annotation)
