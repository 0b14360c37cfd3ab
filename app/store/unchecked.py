"""Models made of what this service has written itself: not checked once more.

To check an answer's models again took a good quarter of the time that reading a reply takes. What
came from outside was checked when it came in.
"""

from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar, cast

from pydantic import BaseModel

Fields = ParamSpec("Fields")
ModelT = TypeVar("ModelT", bound=BaseModel)

# Its own names begin with an underscore, as no field's does.
_MAKER: Final = """
def make(*, {parameters}):
    _made = _new(_model)
    _put(_made, "__dict__", {{{values}}})
    _put(_made, "__pydantic_fields_set__", _names)
    _put(_made, "__pydantic_extra__", None)
    _put(_made, "__pydantic_private__", None)
    return _made
"""


def unchecked(model: Callable[Fields, ModelT]) -> Callable[Fields, ModelT]:
    """A maker of this model that takes the values of its fields as they are.

    It does what pydantic's `model_construct` does, for fields that are all known before. It is
    written for them, as a dataclass's `__init__` is: else two dictionaries would be filled for each
    model. A field whose default is made by a factory must be given.
    """
    fields = cast("type[BaseModel]", model).model_fields
    defaults = {
        name: field.get_default() for name, field in fields.items() if not field.is_required()
    }
    text = _MAKER.format(
        parameters=", ".join(
            f"{name}=_defaults[{name!r}]" if name in defaults else name for name in fields
        ),
        values=", ".join(f"{name!r}: {name}" for name in fields),
    )
    known: dict[str, Any] = {
        "_defaults": defaults,
        "_model": model,
        "_names": set(fields),
        "_new": cast("type[BaseModel]", model).__new__,
        "_put": object.__setattr__,
    }
    exec(text, known)  # noqa: S102  of the names of fields alone
    return cast("Callable[Fields, ModelT]", known["make"])
