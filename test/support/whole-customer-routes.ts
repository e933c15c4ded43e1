/** The requests of all routes, made for a customer who has something of everything. */
import { ROUTES, type RouteCase } from './routes.js';
import type { IdKind, WholeCustomer } from './whole-customer.js';

/** Of whom a request asks: what stands in it. */
export type Target = Pick<WholeCustomer, 'entity' | 'marker' | 'project' | 'ids'>;

/** A customer whom nobody knows. All that names it is as long as what names the other, which exists. */
export function unknownLike(other: Target, { entity, marker }: { entity: string; marker: string }): Target {
  const ids = Object.fromEntries(
    Object.entries(other.ids).map(([kind, id]) => [kind, unknownId(id, other.entity, entity)]),
  ) as Record<IdKind, string>;
  return { entity, marker, project: other.project.replace(other.marker, marker), ids };
}

/** Of the same form: numbers far from those that exist, and other letters in the middle of the rest. */
function unknownId(id: string, from: string, to: string): string {
  if (/^\d+$/.test(id)) return String(987_654_321n + BigInt(id));
  const [name = '', entity] = id.endsWith(`.${from}`) ? [id.slice(0, -from.length - 1), to] : [id];
  const middle = Math.floor(name.length / 2);
  const letters = name.slice(middle, middle + 4) === '0000' ? '1111' : '0000';
  const other = name.slice(0, middle) + letters + name.slice(middle + 4);
  return entity === undefined ? other : `${other}.${entity}`;
}

export function routesOf(target: Target): RouteCase[] {
  return ROUTES.map((route) => {
    const { request, body, headers } = route;
    const text = JSON.stringify({ request, body, headers });
    return { ...route, ...(JSON.parse(replaced(text, route.route, target)) as Partial<RouteCase>) };
  });
}

function replaced(text: string, route: string, { entity, marker, project, ids }: Target): string {
  const id = (kind: IdKind) => encodeURIComponent(ids[kind]);
  return text
    .replaceAll(/res_A{22}\.entity1/g, id('reservation'))
    .replaceAll(/lease_A{22}\.entity1/g, id('lease'))
    .replaceAll(/dec_00000A{16}\.entity1/g, id('decision'))
    .replaceAll(/conflict_0{64}\.nobody/g, id('conflict'))
    .replaceAll('grant_none', id('grant'))
    .replaceAll('key_none', id('key'))
    .replaceAll('delivery_none', id('delivery'))
    .replaceAll('hook_none', id('hook'))
    .replaceAll('dl_none', id('deadLetter'))
    .replaceAll('alert_none', id(alertKindOf(route)))
    .replaceAll('/ledger/1', `/ledger/${id('entry')}`)
    .replaceAll('/prices/0', `/prices/${id('price')}`)
    .replaceAll('/usage_corrections/none', `/usage_corrections/${id('correction')}`)
    .replaceAll('%2Fgateways%2Fnone/none', `%2F${marker}-source/${marker}-counted`)
    .replaceAll('req_none', `${marker}-request`)
    .replaceAll('"nobody"', `"${marker}-user"`)
    .replaceAll('entity1', entity)
    .replaceAll('project1', project);
}

function alertKindOf(route: string): IdKind {
  if (route.includes('/projects/')) return 'projectAlert';
  return route.includes('/spend_alerts') ? 'spendAlert' : 'alert';
}
