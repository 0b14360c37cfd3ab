"""All that knows Redis: keys, scripts, the session store, and the embedded server."""
