"""What a trained network is like: how far it stretches its inputs, how sure and how right it is, what it memorised."""

from labelaudit.diagnostics.calibration import expected_calibration_error, reliability
from labelaudit.diagnostics.detection import auroc
from labelaudit.diagnostics.information import (
    check_memorisation,
    fano_bound,
    least_information,
    uniform_noise_entropy,
)
from labelaudit.diagnostics.sensitivity import Margins, input_margins, squared_jacobian_norms
from labelaudit.diagnostics.summary import diagnose

__all__ = [
    "Margins",
    "auroc",
    "check_memorisation",
    "diagnose",
    "expected_calibration_error",
    "fano_bound",
    "input_margins",
    "least_information",
    "reliability",
    "squared_jacobian_norms",
    "uniform_noise_entropy",
]
