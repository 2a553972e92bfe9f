"""Asyncio client for the Huawei AICC / CEC monitoring interfaces, with concurrent batch fan-out."""

from __future__ import annotations

__version__ = "0.1.0"
