"""Candidate against baseline: evidence, dispersion and the joint test."""
