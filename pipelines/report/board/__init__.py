"""The board's report: one HTML file that opens from disk, and the PDF of it. It lays out and draws; it reckons nothing.

`source` is what it may read, `parts` what a page is made of, `sections` one module a section, `page` the page itself,
`fonts` and `pdf` what makes it travel.
"""
