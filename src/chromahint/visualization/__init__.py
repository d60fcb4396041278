"""Pictures for people: hint overlays, sampler previews, curves."""
