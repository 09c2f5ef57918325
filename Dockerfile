# Built in one stage, run in another: the image has no compiler, no pip cache, and a user without rights.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/recoup
COPY requirements.lock ./
RUN /opt/recoup/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY handlers handlers
RUN /opt/recoup/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data recoup
COPY --from=build /opt/recoup /opt/recoup
ENV PATH=/opt/recoup/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RECOUP_HTTP__HOST=0.0.0.0
USER recoup
WORKDIR /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=70s CMD \
    ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:3000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["recoup"]
CMD ["run"]
