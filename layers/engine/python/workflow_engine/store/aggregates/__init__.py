"""Figures of many runs, kept ready: how many ended how, how long they and their steps took, what they used.

They are sums by hour and day (`periods`), in records to which whole numbers are added. Durations are counted in buckets
(`histogram`), so that sums of sums are what one count of all would be, in whatever order and by however many writers. A
run gives its part once (`fold`): what it gave is remembered, and what it gives later in the place of that takes it back.
"""
