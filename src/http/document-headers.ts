/** The headers of answers that are Tally's own, as components of the document. */

const HEADERS: Readonly<Record<string, { description: string; example: string; type?: 'integer' }>> = {
  'X-Request-Id': {
    description: "The request's own, or one that Tally made; it is in the log and in the audit log",
    example: 'req_3J9dX0aTq7mVwYbR5cKeLs',
  },
  ETag: {
    description: 'Names the state that was answered; give it back in `If-Match` to change only that',
    example: '"Zk3xq0pVt2mT7nJ4bYw8Lr1cHs9"',
  },
  'Idempotent-Replayed': {
    description: '`true`: this is the stored answer to an earlier request with the same `Idempotency-Key`',
    example: 'true',
  },
  Location: { description: 'The URL of the job', example: '/v1/admin/jobs/job_3J9dX0aTq7mVwYbR5cKeLs' },
  'X-Report-Lag-Seconds': {
    description:
      'Where reports are read from a standby (`REPORTS_DATABASE_URL`): what was committed so long before the answer is in it, and what was later may be missing; 0: it is exact, from the primary',
    example: '0.6',
  },
  Allow: { description: 'The methods that the URL has', example: 'GET, HEAD, OPTIONS' },
  'WWW-Authenticate': { description: 'How to authenticate', example: 'Bearer' },
  'Retry-After': { description: 'Seconds until another try makes sense', example: '1', type: 'integer' },
  'Retry-After-Ms': { description: 'The same in milliseconds', example: '1000', type: 'integer' },
  'X-Should-Retry': { description: '`false`: another try would be answered the same', example: 'false' },
  'X-Quota-Limit': { description: 'The limit that denied the request', example: 'credits' },
  'X-Quota-Decision': {
    description: 'The id of the denial: `GET /v1/quota/decisions/{id}` explains it for a day',
    example: 'dec_1764547200AAAAAAAAAAAA.entity1',
  },
};

const BY_LOWER_CASE = new Map(Object.keys(HEADERS).map((name) => [name.toLowerCase(), name]));

export function headerComponents(): Record<string, object> {
  return Object.fromEntries(
    Object.entries(HEADERS).map(([name, { description, example, type = 'string' }]) => [
      name,
      { description, schema: { type }, example: type === 'integer' ? Number(example) : example },
    ]),
  );
}

/** By name in any case; a name that is none of ours is left out. */
export function headersNamed(names: Iterable<string>): Record<string, { $ref: string }> {
  return Object.fromEntries(
    [...names].flatMap((name) => {
      const known = BY_LOWER_CASE.get(name.toLowerCase());
      return known === undefined ? [] : [[known, { $ref: `#/components/headers/${known}` }]];
    }),
  );
}
