/** Where a person was before the sign-in, to go back to: always an address of this console. */
const BASE = '/dashboard';

export function addressInside({
  pathname,
  search,
}: Pick<Location, 'pathname' | 'search'>): string | undefined {
  const inside = pathname.replace(BASE, '') + search;
  return inside === '' || inside === '/' || inside.startsWith('/sign-in') ? undefined : inside;
}

/** The whole path of an address from `addressInside`; never of another host. */
export function wholePath(inside: string): string {
  return `${BASE}/${inside.replace(/^\/+/, '')}`;
}
