"""Proofs of recorded completions: does what is recorded hold, and do the checks still pass?"""
