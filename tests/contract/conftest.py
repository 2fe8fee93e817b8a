"""Adapters of hosted providers on their emulators."""

from tests.support.hosted_rigs import fal_rig, gemini_rig, openai_rig, replicate_rig

__all__ = ["fal_rig", "gemini_rig", "openai_rig", "replicate_rig"]  # fixtures
