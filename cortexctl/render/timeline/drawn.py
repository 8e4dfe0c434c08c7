"""A timeline that draws itself where a drawing is asked for."""

from collections.abc import Callable
from typing import Any, TextIO

from cortexctl.render.spec import Format, OutputSpec
from cortexctl.render.timeline.result import TimelineResult


class DrawnTimeline(TimelineResult):
    """The result of `bucket timeline`."""

    def drawing(self, output: OutputSpec) -> Callable[[Any, OutputSpec, TextIO], None] | None:
        """Return what draws it: the chart of a terminal, the SVG or the page; None where it is rows."""
        if output.fields or output.sort:
            return None
        if output.format in (Format.TABLE, Format.WIDE):
            from cortexctl.render.timeline.chart import write_chart

            return write_chart
        if output.format is Format.SVG:
            from cortexctl.render.timeline.svg import write_svg

            return write_svg
        if output.format is Format.HTML:
            from cortexctl.render.timeline.page import write_page

            return write_page
        return None
