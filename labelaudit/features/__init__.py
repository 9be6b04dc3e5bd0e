"""Images to feature vectors: the embedded EfficientNet-Lite networks, and any timm model by name."""

from labelaudit.features.embedding import count_missing, embed, forecast_embedding, forecast_others
from labelaudit.features.search_forecast import forecast_search
from labelaudit.features.specs import SMALLEST, parse_specs

__all__ = [
    "SMALLEST",
    "count_missing",
    "embed",
    "forecast_embedding",
    "forecast_others",
    "forecast_search",
    "parse_specs",
]
