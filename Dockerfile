# syntax=docker/dockerfile:1
# One image for every process: the API, the worker, the migration and the gateway differ by their command and environment.
FROM node:20-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY packages/client/package.json packages/client/
COPY packages/gateway/package.json packages/gateway/
COPY packages/console/package.json packages/console/
COPY packages/cli/package.json packages/cli/
# The console's bundler is an optional package for each platform; the image itself gets none of these.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && deploy/image.sh /image && mkdir /outbox

# Node's program alone: its image also has npm, yarn and headers, which the service never runs.
FROM debian:bookworm-slim
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image /app
# A volume that is mounted here belongs to the user, as the outbox of a gateway is the one thing that is written.
COPY --from=build --chown=10001:10001 /outbox /outbox
# `tally COMMAND`
RUN ln -s /app/packages/cli/bin/tally.js /usr/local/bin/tally
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000
# A number, so that an orchestrator sees that it is not root. Any other works as well: the service writes nothing.
USER 10001:10001
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=64", "--no-allocation-site-pretenuring", "dist/main.js"]
