/**
 * What other programs' loggers send when they are pointed here. Its fields tell which program it is, and the answer says what to use in its
 * place. It is kept nowhere, because no replay could count it and some of it holds conversations.
 */
import { isObject } from './shapes/usage-fields.js';

export const FOREIGN_LOG = 'foreign_log';

const IN_PLACE =
  "use LiteLLM's generic_api logger with POST /v1/usage/litellm, or the callback of tally-client";

/** What its sender should do, or null where the body is no log of a known program. */
export function foreignLogOf(body: unknown): string | null {
  if (!isObject(body)) return null;
  if ('litellm_call_id' in body && 'call_type' in body)
    return "this is LiteLLM's log of a request: send it to POST /v1/usage/litellm";
  if ('specversion' in body && (body['type'] === 'litellm_tokens' || body['source'] === 'litellm-proxy'))
    return `LiteLLM's openmeter logger says no cached tokens, and its ids repeat: ${IN_PLACE}`;
  if (isObject(body['event']) && 'external_subscription_id' in body['event'])
    return `LiteLLM's lago logger says no cached tokens, and its callers may choose its ids: ${IN_PLACE}`;
  if (body['eventType'] === 'afterRequestHook' || body['eventType'] === 'beforeRequestHook')
    return "Portkey's webhook has no id that is unique: report what its response's usage says as an event of your own";
  if ('resourceSpans' in body || 'resourceMetrics' in body || 'resourceLogs' in body)
    return 'OpenTelemetry leaves out streams that were cut and cached tokens, so it is no basis for a bill: report each request as an event';
  return null;
}
