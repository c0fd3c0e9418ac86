"""Aurora's billing and the expected difference, by brute force: dictionaries, whole numbers, one call at a time.

Nothing here imports tollbook, and tollbook shares no line with it. That is its use: two independent ways to the same cent.
"""
