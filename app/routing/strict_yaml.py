"""YAML as a policy may use it: plain data, nothing said twice, nothing guessed.

Plain words are read as YAML 1.2 reads them. Under the rules of 1.1 the ids `0123`, `12:30`,
`+49301` and `no` would turn into 83, 750, 49301 and false, and match another chat than the
one written.
"""

import re
from typing import Any, Final

import yaml

from app.routing.faults import Fault, PolicyError

DEPTH_MAX: Final = 32
_TAG: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final = frozenset(_TAG + word for word in ("str", "int", "float", "bool", "null"))


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # An alias repeats a whole branch, so ten lines of them can spell a billion nodes.
        if self.check_event(yaml.AliasEvent):
            raise self._refusal("aliases are refused")
        if self.depth == DEPTH_MAX:
            raise self._refusal("nested too deeply")
        self.depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _refusal(self, problem: str) -> yaml.MarkedYAMLError:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(None, None, problem, event.start_mark)


for _word, _pattern in (
    ("null", r"~|null|Null|NULL|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"0|-?[1-9][0-9]*"),
    ("float", r"-?[0-9]*\.[0-9]+|-?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"),
):
    _Loader.add_implicit_resolver(_TAG + _word, re.compile(rf"(?:{_pattern})\Z"), None)


def read(text: str) -> object:
    """Read one YAML document (JSON is one) into dicts, lists, texts, numbers, booleans, None.

    Raises `PolicyError`: for broken YAML, aliases, a second document, tags other than those
    of the plain types, and keys that stand twice, these with their dotted path.
    """
    faults: list[Fault] = []
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise PolicyError([Fault("", f"is not readable: {_on_one_line(error)}")]) from error
    data = None if node is None else _plain(loader, node, (), faults)
    if faults:
        raise PolicyError(faults)
    return data


def _on_one_line(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"


def _plain(loader: _Loader, node: yaml.Node, path: tuple[str, ...], faults: list[Fault]) -> object:
    if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
        return _mapping(loader, node, path, faults)
    if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
        items = enumerate(node.value)
        return [_plain(loader, item, (*path, str(i)), faults) for i, item in items]
    if node.tag not in _SCALAR_TAGS:
        faults.append(Fault(".".join(path), f"the tag {node.tag} is refused"))
        return None
    try:
        return loader.construct_object(node)
    except (ValueError, KeyError, yaml.YAMLError):
        faults.append(Fault(".".join(path), f"is no readable {node.tag.removeprefix(_TAG)}"))
        return None


def _mapping(
    loader: _Loader, node: yaml.MappingNode, path: tuple[str, ...], faults: list[Fault]
) -> dict[str, object]:
    mapping: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            faults.append(Fault(".".join(path), "a key must be a text"))
            continue
        key, inner = key_node.value, (*path, key_node.value)
        if key in mapping:
            faults.append(Fault(".".join(inner), "stands twice"))
        mapping[key] = _plain(loader, value_node, inner, faults)
    return mapping
