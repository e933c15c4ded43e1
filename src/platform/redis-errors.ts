/** What Redis and its client mean by their errors: which say that Redis is unavailable. */
import { isNotConnectionError } from 'bullmq';
import { ReplyError } from 'ioredis';
import { errnoOf } from './errno.js';
import { Unavailable } from './unavailable.js';

/** Answers of a Redis that takes no commands, or no writes, for now. Redis' protocol puts such a code first. */
const UNAVAILABLE_REPLIES = new Set([
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'BUSY',
  'MISCONF',
  'NOREPLICAS',
  // It has become a replica while somebody waited for something in it.
  'UNBLOCKED',
  'OOM',
]);

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
]);

/** ioredis' names for a command that its connection did not bring back. It exports no classes of them. */
const ABORTED = new Set(['AbortError', 'MaxRetriesPerRequestError', 'ClusterAllFailedError']);

/** And its words for a Cluster whose nodes cannot be reached, which have no name of their own. */
const CLUSTER_LOST = /^(Too many Cluster redirections|Cluster isn't ready|None of startup nodes|Cluster is )/;

/** The first word of an error that Redis answered, such as `NOSCRIPT`; null for one that it did not answer. */
export function replyCodeOf(error: unknown): string | null {
  return error instanceof ReplyError ? (error as Error).message.split(' ', 1)[0]! : null;
}

/** Waits for what Redis answers. Throws Unavailable where it cannot. */
export async function askRedis<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw redisFailure(error);
  }
}

/** What a command was rejected with: an Unavailable, or the error as it is. */
function redisFailure(error: unknown): unknown {
  const code = replyCodeOf(error);
  if (code !== null) return UNAVAILABLE_REPLIES.has(code) ? new Unavailable('redis', error) : error;
  // Redis answers with a ReplyError. The client rejects with anything else only where the connection failed, unless we misuse it.
  return error instanceof TypeError || error instanceof RangeError ? error : new Unavailable('redis', error);
}

/** For errors that BullMQ emits: they may be the connection's, or BullMQ's own about a job. */
export function isLostConnection(error: Error): boolean {
  if (ABORTED.has(error.name) || CLUSTER_LOST.test(error.message) || !isNotConnectionError(error))
    return true;
  const [code, systemCode] = [replyCodeOf(error), errnoOf(error)];
  if (code !== null) return UNAVAILABLE_REPLIES.has(code);
  return typeof systemCode === 'string' && SYSTEM_CODES.has(systemCode);
}
