"""A tenant from nothing to its first bill: created, its key stored and verified, its numbers, plan and first days.

Owns the order of the steps and their forms. Does not own what each does: it is what the command of the step does.
"""
