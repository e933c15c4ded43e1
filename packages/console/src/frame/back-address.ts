/** Where a person was before the sign-in, to go back to: an address of this console, or the page of the queues, which the service makes. */
const BASE = '/dashboard';
const QUEUES = /^\/admin\/queues(?=[/?]|$)/;
const NOT_BEHIND_SIGN_IN = /^\/sign-(in|out)\b/;

export function addressInside({
  pathname,
  search,
}: Pick<Location, 'pathname' | 'search'>): string | undefined {
  const inside = pathname.replace(BASE, '') + search;
  return inside === '' || inside === '/' || NOT_BEHIND_SIGN_IN.test(inside) ? undefined : inside;
}

/** The whole path of an address from `addressInside`; never of another host. */
export function wholePath(inside: string): string {
  const path = `/${inside.replace(/^\/+/, '')}`;
  return leadsToQueues(path) ? path : BASE + path;
}

/** They are shown to admins alone. */
export function leadsToQueues(address: string): boolean {
  return QUEUES.test(address);
}
