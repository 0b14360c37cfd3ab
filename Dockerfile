FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/venv
COPY requirements/server.txt requirements/server.txt
RUN /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/server.txt
COPY requirements/build.txt requirements/build.txt
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY session_router session_router
RUN hatchling build -t wheel -d dist && /opt/venv/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim
RUN useradd --system --no-create-home --uid 10001 router
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER router
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('SESSION_ROUTER_PORT', '8080') + '/healthz', timeout=2)"]
CMD ["session-router", "serve", "--host", "0.0.0.0"]
