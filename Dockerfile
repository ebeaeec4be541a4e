# OpsMantik Box in a container. The steps are tested without a container engine: tests/integration/test_dockerfile.py runs them.
#   docker build -t opsmantik-box .
#   docker run -d -p 127.0.0.1:8787:8787 -v opsmantik:/data -e OPSMANTIK_PUBLIC_URL=https://box.example.com opsmantik-box

FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
RUN python -m venv /opt/box
RUN /opt/box/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheels .
RUN /opt/box/bin/pip install --no-cache-dir --no-deps --no-index --find-links /opt/wheels opsmantik-box

FROM python:3.13-slim
COPY --from=build /opt/box /opt/box
RUN useradd --system --uid 8787 --home-dir /data --shell /usr/sbin/nologin opsmantik && install -d -o opsmantik -g opsmantik -m 0750 /data
ENV PATH=/opt/box/bin:$PATH PYTHONUNBUFFERED=1 OPSMANTIK_DATA=/data OPSMANTIK_HOST=0.0.0.0
USER opsmantik
VOLUME /data
EXPOSE 8787
# The proxy in front is another machine here: name it, or its visitors all have one address (OPSMANTIK_TRUSTED_PROXIES=172.16.0.0/12).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8787/readyz', timeout=4)"]
ENTRYPOINT ["opsmantik-box"]
CMD ["serve"]
