# Built in one stage, run in another: the image has no compiler, no packages of the build, and a user without rights.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/recoup
COPY requirements.lock ./
RUN pip --python /opt/recoup/bin/python install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY handlers handlers
RUN pip --python /opt/recoup/bin/python install --no-cache-dir --no-deps --no-build-isolation . \
    && pip --python /opt/recoup/bin/python uninstall --yes setuptools

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /data recoup
COPY --from=build /opt/recoup /opt/recoup
ENV PATH=/opt/recoup/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RECOUP_HTTP__HOST=0.0.0.0
# By number, so that an orchestrator can see that it is not root.
USER 10001
# A SQLite database lies here, where RECOUP_DATABASE_URL names none: mount a volume.
WORKDIR /data
EXPOSE 3000
# Without the proxies of the environment: 127.0.0.1 is not behind one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=70s CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('RECOUP_HTTP__PORT', '3000') + '/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["recoup"]
CMD ["run"]
