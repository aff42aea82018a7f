"""YAML as a person wrote it: decimal numbers with all their digits, each key once, and the line of every part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class Written:
    """A file's content, and the nodes that say where each part of it stands."""

    content: Any
    root: yaml.Node | None

    def line_of(self, place: Sequence[str | int]) -> int:
        """The line, from 1, of what stands at a place such as ("prices", 0, "unit_amount"); of a key or part that is
        missing, the line of what it is missing in.
        """
        node, line = self.root, 1
        for step in place:
            found = _child(node, step)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line


def load(text: str) -> Written:
    """Read one document. Raises yaml.YAMLError, with the mark of the line where it can."""
    loader = ExactLoader(text)
    try:
        root = loader.get_single_node()
        return Written(None if root is None else loader.construct_document(root), root)
    finally:
        loader.dispose()


class ExactLoader(yaml.SafeLoader):
    """Safe YAML whose decimal numbers keep all their digits and whose mappings name a key once."""


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that begins a part, which is its key where it has one, and the node that is its value."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    return None


def _exact(loader: ExactLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _date(loader: ExactLoader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return str(loader.construct_scalar(node))  # such as 2026-13-01: who reads the part refuses it by its key


def _once(loader: ExactLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"'{key}' is there twice", node.start_mark)
    return loader.construct_mapping(node, deep=True)


ExactLoader.add_constructor("tag:yaml.org,2002:float", _exact)
ExactLoader.add_constructor("tag:yaml.org,2002:timestamp", _date)
ExactLoader.add_constructor("tag:yaml.org,2002:map", _once)
