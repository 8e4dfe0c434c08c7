"""What Cortex's components do with one block now, and what happens to it next: a module a component.

Everything is told from a tenant's view, a time and Cortex's settings. `answer` puts it together.
"""
