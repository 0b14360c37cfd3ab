"""Names and ids that stand in several places of a policy and must fit together.

Looked at in the data as it was read, so that each fault has the path of the one value.
"""

from collections.abc import Iterator

from app.routing.faults import Fault


def faults_of_names(data: dict[str, object]) -> list[Fault]:
    """Tell names used twice, ids that two names claim, and moderators nobody is called."""
    return [
        *_rules_called_alike(data.get("rules")),
        *_claimed_twice("identities", data.get("identities")),
        *_claimed_twice("links", data.get("links")),
        *_unknown_moderators(data),
    ]


def _rules_called_alike(rules: object) -> Iterator[Fault]:
    seen: list[object] = []
    for index, rule in enumerate(_listed(rules)):
        name = _mapped(rule).get("name")
        if isinstance(name, str) and name in seen:
            yield Fault(f"rules.{index}.name", f"two rules are called `{name}`")
        seen.append(name)


def _claimed_twice(field: str, named: object) -> Iterator[Fault]:
    owner: dict[str, object] = {}
    for name, entries in _mapped(named).items():
        for index, entry in enumerate(_listed(entries)):
            if isinstance(entry, str) and owner.setdefault(entry, name) != name:
                message = f"`{entry}` stands under {owner[entry]} already"
                yield Fault(f"{field}.{name}.{index}", message)


def _unknown_moderators(data: dict[str, object]) -> Iterator[Fault]:
    names = _mapped(data.get("identities"))
    places = {"defaults": data.get("defaults")}
    for index, rule in enumerate(_listed(data.get("rules"))):
        places[f"rules.{index}.set"] = _mapped(rule).get("set")
    for path, fields in places.items():
        for index, moderator in enumerate(_listed(_mapped(fields).get("moderators"))):
            if isinstance(moderator, str) and ":" not in moderator and moderator not in names:
                message = f"`{moderator}` is no name of identities"
                yield Fault(f"{path}.moderators.{index}", message)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _mapped(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
