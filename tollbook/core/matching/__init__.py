"""Matching: which record of ours and which of theirs are the same call. See docs/rules/matching.md."""
