"""Mermaid diagrams drawn as SVG while the site is built: no script in the page and nothing from outside."""

import mmdr
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx


class Mermaid(Directive):
    """A fence of Mermaid's language. What cannot be drawn is a warning, and so ends the build."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """The drawing."""
        try:
            drawing = mmdr.render("\n".join(self.content)).svg()
        except Exception as error:  # whatever the renderer raises
            return [self.state.document.reporter.warning(f"Mermaid: {error}", line=self.lineno)]
        return [nodes.raw("", f'<div class="diagram">{drawing}</div>', format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    app.add_directive("mermaid", Mermaid)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
