# The api service: `samplemind serve`. Built by `samplemind build`, or: docker build .
# A change of the source reruns the last step alone; a change of the dependencies in pyproject.toml reruns pip.
ARG PYTHON_IMAGE=python:3.13-slim

# Only this stage sees pyproject.toml: an edit there that changes no dependency leaves the next stage cached.
FROM ${PYTHON_IMAGE} AS requirements
COPY pyproject.toml /
# "serve,otel" adds OpenTelemetry, which is another 12 MB for the few who run a collector.
ARG EXTRAS=serve
RUN python - <<'EOF' >/requirements.txt
import os, re, tomllib
project = tomllib.load(open("/pyproject.toml", "rb"))["project"]
outside = {"python-on-whales", "ollama"}  # they serve `up`, `models` and the like, which are for outside a container
extras = (project["optional-dependencies"][extra] for extra in os.environ["EXTRAS"].split(","))
for requirement in sum(extras, project["dependencies"]):
    if re.split(r"[^\w.-]", requirement)[0] not in outside:
        print(requirement)
EOF

FROM ${PYTHON_IMAGE} AS dependencies
COPY --from=requirements /requirements.txt /
# The secret is a pip.conf, for those with a package index of their own: PIP_CONFIG_FILE=FILE samplemind build
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip_conf \
    PIP_CONFIG_FILE=/run/secrets/pip_conf PIP_ROOT_USER_ACTION=ignore \
    pip install --only-binary :all: --no-compile --target /lib-samplemind --requirement /requirements.txt \
    && python -m compileall -q -x pygments /lib-samplemind  # 500 lexers and their kin, of which serve imports none

FROM ${PYTHON_IMAGE}
# Nothing is installed in this image any more.
RUN python -c "import pip, shutil; shutil.rmtree(pip.__path__[0])"
COPY --from=dependencies /lib-samplemind /opt/samplemind/site-packages
COPY --chmod=755 <<'EOF' /usr/local/bin/samplemind
#!/usr/bin/env python
from samplemind_cli.__main__ import main

main()
EOF
# The images of Python have no curl; a bare socket starts in a quarter of urllib's time.
COPY --chmod=755 <<'EOF' /usr/local/bin/healthy
#!/usr/bin/env -S python -IS
import socket

with socket.create_connection(("127.0.0.1", 8000), timeout=2) as connection:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    status = connection.recv(64).split(b"\r\n")[0].decode()
    raise SystemExit(0 if " 200" in status else f"GET /healthz: {status}")
EOF
# The root file system may be read-only: caches and state go to /tmp.
ENV PYTHONPATH=/opt/samplemind/site-packages:/opt/samplemind PYTHONUNBUFFERED=1 HOME=/tmp
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s CMD ["healthy"]
WORKDIR /opt/samplemind
ENTRYPOINT ["samplemind"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
# `samplemind build` tells by this label how much the image adds to its base.
ARG PYTHON_IMAGE
LABEL org.opencontainers.image.title="samplemind api" org.opencontainers.image.base.name="${PYTHON_IMAGE}"
# Where the package lies in the build context: a checkout has it in a folder, the installed package is the context itself.
ARG PACKAGE=samplemind_cli
# Copied and compiled in one step, the only one that a change of the source runs again. What is for outside a container
# stays as it is.
RUN --mount=type=bind,source=${PACKAGE},target=/source \
    cp -r /source samplemind_cli && python -m compileall -q -x '/(bench|profiling|stack|testing)/' samplemind_cli
USER 10001:10001
