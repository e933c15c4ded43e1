#!/bin/sh
# Gathers in the directory $1 what the image holds, from a built tree: the build, the packages that run, and nothing that only develops.
# The image's build calls it, and so does the test that starts the image's command lines in such a directory.
set -eu
into=$1
mkdir -p "$into/prisma" "$into/deploy"
cp package.json package-lock.json "$into/"
for package in packages/*/package.json; do
  directory=${package%/package.json}
  mkdir -p "$into/packages"
  cp -R "$directory" "$into/packages/"
  (cd "$into/$directory" && rm -rf src data generated public node_modules tsconfig.json index.html vite.config.js generate.js)
done
cp deploy/first-secrets.js "$into/deploy/"
cp -R dist "$into/"
cp -R prisma/migrations prisma/*.json "$into/prisma/"

# Optional packages are the embedded PostgreSQL: the image has servers of its own.
(cd "$into" && npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund)

# What Node never reads: maps, types, sources in TypeScript and texts for people, but the licenses stay. And the query compilers of other
# databases than PostgreSQL.
find "$into/node_modules" "$into/dist" "$into/packages" -type f \
  \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.tsbuildinfo' \) -delete
find "$into/node_modules" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.md' \) ! -iname 'LICEN[CS]E*' -delete
find "$into/node_modules/@prisma/client/runtime" -type f -name 'query_compiler_*' \
  ! -name 'query_compiler_fast_bg.postgresql.*' -delete
find "$into/node_modules/@prisma/client/runtime" -type f -name '*edge*' -delete
# OpenTelemetry's packages for bundlers; Node reads `build/src`.
find "$into/node_modules/@opentelemetry" -type d \( -name esm -o -name esnext \) -prune -exec rm -rf {} +
# Of the packages that print statements: the two fonts that are used, and no sources and no builds for browsers.
(cd "$into/node_modules" && find dejavu-fonts-ttf -type f ! -name 'DejaVuSans.ttf' ! -name 'DejaVuSans-Bold.ttf' ! -name 'LICENSE' ! -name 'package.json' -delete &&
  find pdfkit/js fontkit/dist -type f \( -name '*browser*' -o -name '*.old.*' -o -name '*standalone*' \) -delete &&
  rm -rf pdfkit/.yarn fontkit/src brotli/build @noble/*/src @swc/helpers/src)
