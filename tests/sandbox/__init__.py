"""Tests: promises, mirrored by package."""
