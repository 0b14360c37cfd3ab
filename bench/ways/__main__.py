"""Serve one of the other ways on loopback, as `session-router serve` serves: `NAME WORKERS`.

The same uvicorn, the same loop and parser, no access log, worker processes on one socket. The
store's address and the token come from the environment, as `BENCH_REDIS_URL` and `BENCH_TOKEN`.
"""

import socket
import sys

import uvicorn
from uvicorn.supervisors import Multiprocess

from app.serve import KEEP_ALIVE_SECONDS, LISTEN_BACKLOG


def main() -> None:
    name, workers = sys.argv[1], int(sys.argv[2])
    config = uvicorn.Config(
        f"bench.ways.{name}:app",
        loop="uvloop",
        http="httptools",
        workers=workers,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    with socket.create_server(("127.0.0.1", 0), backlog=LISTEN_BACKLOG) as listener:
        print(f"The {name}: http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
        else:
            uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":  # worker processes import this module too
    main()
