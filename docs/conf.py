"""How the documentation site is built: `make docs`. No network is used, and nothing is executed.

The pages are the Markdown that is read on GitHub too; the notebooks among them were executed by `make notebooks`. The
reference comes from the docstrings (`_sphinx/docstrings.py`) and from the command line's own help.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parent / "_sphinx"))

import command_line
import docstrings

import isms_data

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "isms_data"
author = "the isms_data developers"
project_copyright = f"{author}. MIT licence. Not affiliated with iSMS.gr"
version = release = isms_data.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_sphinx"]
nitpicky = True

myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["misc.highlighting_failure"]  # a shell session with its output is no program

default_role = "code"
smartquotes = False
add_module_names = False
autodoc_typehints = "none"  # each docstring says the types in words
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"isms_data {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False

COMMAND_LINE_PAGE: Final = "reference/command_line"


def _with_command_line(_app: Sphinx, page: str, source: list[str]) -> None:
    if page == COMMAND_LINE_PAGE:
        source[0] += command_line.page()


def setup(app: Sphinx) -> None:
    """Join our docstrings and the command line's help to the pages."""
    app.connect("autodoc-process-docstring", docstrings.process)
    app.connect("source-read", _with_command_line)
