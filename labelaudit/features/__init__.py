"""Images to feature vectors: the embedded EfficientNet-Lite networks, and any timm model by name."""

from labelaudit.features.embedding import embed, forecast_embedding, forecast_others
from labelaudit.features.specs import SMALLEST, parse_specs

__all__ = ["SMALLEST", "embed", "forecast_embedding", "forecast_others", "parse_specs"]
