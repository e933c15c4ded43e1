/** The links at the head of every page. Those that a key may not use are not shown. */
import type { LinkProps } from '@tanstack/react-router';
import { may, type Operation } from '../session/permissions.js';
import type { Session } from '../session/session.js';

type Entry = {
  readonly label: string;
  readonly link: LinkProps;
  readonly needs: Operation;
};

export function navOf(session: Session): Entry[] {
  const { entity, role } = session;
  const customers =
    entity === null
      ? { label: 'Customers', link: { to: '/customers' } satisfies LinkProps }
      : { label: 'Overview', link: { to: '/customers/$entity', params: { entity } } satisfies LinkProps };
  const entries: Entry[] = [{ ...customers, needs: 'GET /v1/entities' }];
  return entries.filter(({ needs }) => may(role, needs));
}
