/** A call of a key as the audit log names it. */
import type { IncomingMessage } from 'node:http';
import type { CallerContext } from './caller-context.js';
import type { Principal } from './principal.js';
import type { Refused } from './refusals.js';

type Asked = {
  readonly id: string;
  readonly raw: Pick<IncomingMessage, 'method' | 'url' | 'socket'>;
};

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

export function callerContextOf({ id, raw }: Asked, { keyId, role }: Principal): CallerContext {
  return { actor: keyId, role, requestId: id, address: raw.socket.remoteAddress ?? null };
}

/** The entity is the key's own, for another one that the call names need not exist. */
export function refusedOf(asked: Asked, principal: Principal): Refused {
  const { method = '', url = '' } = asked.raw;
  const [path = ''] = url.split('?', 1);
  return {
    caller: callerContextOf(asked, principal),
    entity: principal.entity,
    call: `${method} ${path}`,
    changes: !READS.has(method) && !isDryRun(url),
  };
}

function isDryRun(url: string): boolean {
  return new URLSearchParams(url.split('?', 2)[1] ?? '').get('dry_run') === 'true';
}
