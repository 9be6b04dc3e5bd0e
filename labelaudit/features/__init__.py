"""Images to feature vectors: the embedded EfficientNet-Lite networks, and any timm model by name."""

from labelaudit.features.embedding import embed, forecast_embedding, forecast_others
from labelaudit.features.lite import SIZES as EMBEDDED
from labelaudit.features.specs import SMALLEST, Spec, parse_specs

__all__ = ["EMBEDDED", "SMALLEST", "Spec", "embed", "forecast_embedding", "forecast_others", "parse_specs"]
