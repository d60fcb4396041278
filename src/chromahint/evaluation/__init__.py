"""Evaluation: protocols, metrics, and the evaluation of a network on a data set."""
