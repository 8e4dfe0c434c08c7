"""What commands do: open, survey, check, plan and apply, and return a result for a renderer."""
