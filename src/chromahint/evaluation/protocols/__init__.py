"""Evaluation protocols: which hints a network gets, and how its result is measured."""
