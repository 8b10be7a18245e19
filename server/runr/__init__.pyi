from runr.api import Project as Project
from runr.errors import RunrError as RunrError

__version__: str
