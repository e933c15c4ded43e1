/** Where servers-up has put the servers of this run. */
import { z } from 'zod';

const schema = z.object({
  postgresUrl: z.string(),
  redis: z.object({ command: z.string(), env: z.record(z.string(), z.string()) }),
});

export function testServers(): z.infer<typeof schema> {
  return schema.parse(JSON.parse(process.env['TALLY_TEST_SERVERS'] ?? 'null'));
}
