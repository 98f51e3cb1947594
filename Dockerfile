# syntax=docker/dockerfile:1.7-labs
# Builds Viewmill; one image serves as api and as worker (the command decides).

FROM node:22-bookworm-slim AS build
WORKDIR /app
# Only manifests first: the dependency layer stays cached while sources change.
COPY package.json package-lock.json tsconfig.json tsconfig.base.json ./
COPY --parents packages/*/package.json apps/*/package.json ./
# The image talks to a PostgreSQL and a Redis of its own network: the embedded database is of no use here.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY packages packages
COPY apps apps
RUN npx tsc -b && npm prune --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:22-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app /app
# Numeric, so that orchestrators can verify that it is not root.
USER 1000:1000
EXPOSE 8087
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD node -e "fetch('http://127.0.0.1:'+(process.env.PORT||8087)+'/health/live').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"
ENTRYPOINT ["node", "apps/cli/dist/main.js"]
CMD ["api"]
