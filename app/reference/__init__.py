"""The page at `/docs`: every call, read from `/openapi.json`; served by `app/api/pages.py`.

Dressed as the dashboard is, in its styles, and built with its `js/dom.js`.
"""
