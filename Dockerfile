# cortexctl alone, without a shell's comforts and not as root. Journals are in /var/lib/cortexctl: mount it to keep them.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY docs/man ./docs/man
COPY cortexctl ./cortexctl
RUN python -m venv /opt/cortexctl \
 && /opt/cortexctl/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:3.13-slim
COPY --from=build /opt/cortexctl /opt/cortexctl
RUN useradd --uid 10001 --user-group --home-dir /var/lib/cortexctl --create-home --shell /usr/sbin/nologin cortexctl
ENV PATH=/opt/cortexctl/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CORTEXCTL_JOURNAL_DIR=/var/lib/cortexctl/journal
USER 10001:10001
WORKDIR /var/lib/cortexctl
VOLUME /var/lib/cortexctl
ENTRYPOINT ["cortexctl"]
CMD ["--help"]
