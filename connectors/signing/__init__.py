"""Signed messages: keys, signatures and their verification."""
