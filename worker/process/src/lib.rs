//! Objectives that are somebody else's code: a command, or a Python function in a process that stays.
