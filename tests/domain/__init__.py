"""Tests of the domain: properties first."""
