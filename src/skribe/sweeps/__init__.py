"""Searches and cross-validations, part by part: every (candidate, split) written as it arrives, and found again."""
