# SPDX-License-Identifier: BSD-3-Clause
"""Sphinx: plain HTML, no extension that Debian's python3-sphinx lacks."""
project = "vtpm"
author = "the vtpm authors"
copyright = "the vtpm authors"  # pylint: disable=redefined-builtin
exclude_patterns = ["man"]
html_theme = "alabaster"
html_theme_options = {"description": "virtual TPM 2.0 devices for Linux", "page_width": "1100px"}
html_show_copyright = False
html_copy_source = False
# kernel-doc's C domain: names that are macros or attributes to a C parser.
c_id_attributes = ["__user", "__packed", "__maybe_unused"]
primary_domain = "c"
highlight_language = "none"
