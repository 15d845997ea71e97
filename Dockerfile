# The image of the gateway. `npm run image:check` carries these steps out without Docker.
#
# Node is of the line that the tests run on, and of no release older than gateway/config/supported-node.ts asks for.
# Before you build for production, pin the image's digest as well: `docker buildx imagetools inspect
# node:24.22.2-bookworm-slim` prints it; write `node:24.22.2-bookworm-slim@sha256:…` in all three FROM lines.

# The worker's program, bundled into a few files.
FROM node:24.22.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.base.json ./
COPY shared ./shared
COPY worker ./worker
COPY ops/build.ts ./ops/build.ts
COPY ops/build ./ops/build
RUN npm run build

# What the gateway needs at run time.
FROM node:24.22.2-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev

FROM node:24.22.2-bookworm-slim AS gateway
# bubblewrap makes a place of its own for each worker; tini reaps what workers leave behind; setpriv and prlimit confine them (util-linux, always there).
RUN apt-get update \
  && apt-get install -y --no-install-recommends bubblewrap tini \
  && rm -rf /var/lib/apt/lists/* \
  && command -v setpriv && command -v prlimit
# A process whose program file it may not read is not dumpable: no other process of the same user can
# look into its memory, environment or open files. So node belongs to root and can only be executed.
# This holds for an ordinary user without capabilities; do not run the image as root in this mode.
RUN chmod 0711 /usr/local/bin/node
RUN install -d -o node -g node -m 0700 /data \
  && install -d -o node -g node -m 0711 /run/gmail-mcp
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY shared ./shared
COPY gateway ./gateway
COPY ops/command-line.ts ./ops/command-line.ts
COPY ops/secrets.ts ./ops/secrets.ts
COPY ops/secrets ./ops/secrets
COPY ops/backup.ts ./ops/backup.ts
COPY ops/restore.ts ./ops/restore.ts
COPY ops/backup ./ops/backup
COPY ops/command-line.ts ./ops/command-line.ts
COPY ops/admin.ts ./ops/admin.ts
COPY ops/admin ./ops/admin
COPY ops/doctor.ts ./ops/doctor.ts
COPY ops/doctor ./ops/doctor
# Inside the container every address is the container's own; what is published is compose.yaml's matter.
ENV NODE_ENV=production HOST=0.0.0.0 OPS_HOST=0.0.0.0 \
  DATABASE_URL=sqlite:/data/gateway.sqlite RUN_DIR=/run/gmail-mcp
USER node
VOLUME /data
EXPOSE 3006 9464
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPS_PORT ?? 9464) + '/health').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "--"]
CMD ["node", "--disable-sigusr1", "--max-semi-space-size=8", "gateway/main.ts"]
