"""The operators' page: what a browser loads from `/dashboard`, served by `app/api/pages.py`.

`index.html`, `style/` and `js/` are sent as they stand here; there is no build step.
"""
