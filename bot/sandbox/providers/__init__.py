"""Fake providers: stateful, each speaking its vendor's wire, written from the vendor's documents."""
