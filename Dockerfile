# The worker and the command line. `docker compose up` builds it and runs it with Kafka, Prometheus and Grafana.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gates gates
COPY connectors connectors
COPY streams streams
RUN pip install --no-cache-dir --prefix=/install .

FROM python:3.13-slim
COPY --from=build /install /usr/local
RUN useradd --system --uid 10001 sluicegate && install -d -o sluicegate /secrets
USER sluicegate
ENV PYTHONUNBUFFERED=1
EXPOSE 6066
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:6066/healthz', timeout=2)"]
ENTRYPOINT ["sluicegate"]
CMD ["worker"]
