"""Steps that may take their time, announced to whoever waits for them."""

from collections.abc import Callable
from contextlib import AbstractContextManager

#: Is given a step, such as "reading the history", and surrounds it.
Doing = Callable[[str], AbstractContextManager[object]]
