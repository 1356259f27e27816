"""Maps: classifying chunk by chunk, mosaicking to Cloud-Optimised GeoTIFFs, style and STAC item."""
