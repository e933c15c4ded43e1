/** Routes of gateways with a span for each call. Without tracing the routes stay as they are, and so does what a call costs. */
import type { From, Tracing } from '../platform/tracing.js';
import { answerTo, toTallyError } from './error-body.js';
import type { GatewayRequest, GatewayRoute } from './gateway-routes.js';

export function tracedRoutes<Calls>(
  routes: readonly GatewayRoute<Calls>[],
  tracing: Tracing,
  settings: { readonly quotaDeniedStatus: number },
): GatewayRoute<Calls>[] {
  return routes.map((route) => ({
    ...route,
    answer: (calls, request) =>
      tracing.serve({
        name: route.operationId,
        from: traceOf(request.raw),
        attributes: { 'http.request.method': route.method, 'http.route': route.path },
        run: () => route.answer(calls, request),
        ended: (result) =>
          'value' in result
            ? { ...statusOf(route, result.value), ...reservationOf(result.value) }
            : { 'http.response.status_code': answerTo(toTallyError(result.error), settings).status },
      }),
  }));
}

/** The trace that a request belongs to, by its headers. */
export function traceOf({ headers }: Pick<GatewayRequest, 'headers'>): From {
  return { traceparent: headers['traceparent'], tracestate: headers['tracestate'] };
}

function statusOf<Calls>({ statusOf: decided, status = 200 }: GatewayRoute<Calls>, answered: object) {
  return { 'http.response.status_code': decided?.(answered) ?? status };
}

/** So that a trace can be found by its reservation. */
function reservationOf(answered: object): { 'tally.reservation_id'?: string } {
  const { object, id } = answered as { object?: unknown; id?: unknown };
  return object === 'quota.reservation' && typeof id === 'string' ? { 'tally.reservation_id': id } : {};
}
