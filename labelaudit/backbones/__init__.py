"""Images to feature vectors: the embedded EfficientNet-Lite backbones, and any timm model by name."""

from labelaudit.backbones.embedding import embed

__all__ = ["embed"]
