"""labelaudit: find the wrong labels in an image dataset.

The public names, nothing else. Each is imported when it is first asked for (PEP 562), so that ``import labelaudit``
costs nothing and neither NumPy nor torch is paid for before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelaudit.display.audit import Audit, read_audit
    from labelaudit.display.scan import scan, score
    from labelaudit.errors import BackboneError, DataError, LabelAuditError, OptionError, RunError
    from labelaudit.machine import Stage
    from labelaudit.machine import __version__ as __version__
    from labelaudit.types import Decision, Evidence, Features, Finding, Samples

_HOMES = {
    "__version__": "machine.__version__",
    "Audit": "display.audit.Audit",
    "BackboneError": "errors.BackboneError",
    "DataError": "errors.DataError",
    "Decision": "types.Decision",
    "Evidence": "types.Evidence",
    "Features": "types.Features",
    "Finding": "types.Finding",
    "LabelAuditError": "errors.LabelAuditError",
    "OptionError": "errors.OptionError",
    "RunError": "errors.RunError",
    "Samples": "types.Samples",
    "Stage": "machine.Stage",
    "read_audit": "display.audit.read_audit",
    "scan": "display.scan.scan",
    "score": "display.scan.score",
}

__all__ = [
    "Audit",
    "BackboneError",
    "DataError",
    "Decision",
    "Evidence",
    "Features",
    "Finding",
    "LabelAuditError",
    "OptionError",
    "RunError",
    "Samples",
    "Stage",
    "read_audit",
    "scan",
    "score",
]


def __getattr__(name: str) -> Any:
    try:
        module, attribute = _HOMES[name].rsplit(".", 1)
    except KeyError:
        raise AttributeError(f"module 'labelaudit' has no attribute '{name}'") from None
    value = getattr(import_module(f"labelaudit.{module}"), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
