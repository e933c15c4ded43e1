import { defineConfig } from 'prisma/config';

// `generate` needs no schema engine, but the CLI would fetch one all the same: any existing file stops it.
// `migrate` needs the real one, so it is left alone there.
if (process.argv.includes('generate')) process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath;

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://localhost/tally' },
});
