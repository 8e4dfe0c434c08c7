"""How `bucket timeline` is drawn: a chart in a terminal, an SVG, a page; and as rows."""
