# syntax=docker/dockerfile:1
# The version of Python that the tests run with.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
COPY . .
# Bytecode is compiled here, because the root file system is read-only where it runs.
RUN python -m venv /opt/globaldns \
 && /opt/globaldns/bin/pip install --no-cache-dir --compile .

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="globaldns" \
      org.opencontainers.image.description="Authoritative DNS for one name space over many Kubernetes clusters, with stable virtual IPs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/globaldns /opt/globaldns
ENV PATH=/opt/globaldns/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STATE_DIRECTORY=/var/lib/globaldns
# A number, so that runAsNonRoot can be checked without looking into /etc/passwd.
RUN install -d -o 65532 -g 65532 -m 0700 "$STATE_DIRECTORY"
USER 65532:65532
# The only path that is written to: mount it, and the rest may be read-only.
VOLUME ["/var/lib/globaldns"]
EXPOSE 1053/udp 1053/tcp 8053/tcp
ENTRYPOINT ["globaldns"]
CMD ["serve", "--config", "/etc/globaldns/globaldns.yaml"]
