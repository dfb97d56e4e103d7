# The server on a Linux machine without a GPU, with its page and the small model that comes along:
#   docker build -t mlx-entropix . && docker run -p 127.0.0.1:8000:8000 mlx-entropix
# docs/operations.md says more.

FROM oven/bun:1 AS page
WORKDIR /ui
COPY ui/package.json ui/bun.lock ./
RUN bun install --frozen-lockfile
COPY ui .
RUN bun run build

FROM python:3.11-slim
# MLX compiles what it computes on a CPU.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv
WORKDIR /app
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
# What it needs first: this layer stays while the code changes.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --extra otel --no-install-project
COPY . .
COPY --from=page /ui/dist ui/dist
RUN uv sync --locked --no-dev --extra otel
# Models that are named by a repo id, and samplers that were fitted, are kept here.
ENV HF_HOME=/models XDG_CONFIG_HOME=/models/settings
RUN useradd --uid 1000 server && mkdir /models && chown server /models
USER server
VOLUME /models
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["/app/.venv/bin/python", "-c", \
    "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/health', timeout=5)"]
ENTRYPOINT ["/app/.venv/bin/python", "mlx_server.py", "--host", "0.0.0.0"]
