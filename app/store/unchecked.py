"""Models made of what this service has written itself: not checked once more.

To check an answer's models again took a good quarter of the time that reading a reply takes. What
came from outside was checked when it came in.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from pydantic import BaseModel

Fields = ParamSpec("Fields")
ModelT = TypeVar("ModelT", bound=BaseModel)


def unchecked(model: Callable[Fields, ModelT]) -> Callable[Fields, ModelT]:
    """A maker of this model that takes the values of its fields as they are.

    It does what pydantic's `model_construct` does, for fields that are all known before. A field
    whose default is made by a factory must be given.
    """
    made_as = cast("type[BaseModel]", model)
    fields = made_as.model_fields
    template = {name: field.get_default() for name, field in fields.items()}
    names = set(fields)
    new, put = made_as.__new__, object.__setattr__

    def make(**values: Any) -> BaseModel:
        made = new(made_as)
        put(made, "__dict__", template | values)
        put(made, "__pydantic_fields_set__", names)
        put(made, "__pydantic_extra__", None)
        put(made, "__pydantic_private__", None)
        return made

    return cast("Callable[Fields, ModelT]", make)
