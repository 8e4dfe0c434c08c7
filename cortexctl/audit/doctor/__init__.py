"""A whole cluster looked at once: a module for each section of `cortexctl doctor`, and what to do first."""
