"""The words that describe an agent: which vendors and models there are, which tools it may have and how they are named.

Pure data and functions of it. The engine checks definitions with them, and what asks models and calls tools is built upon
them, so that a name that validates is a name that runs.
"""
