/** The links at the head of every page. Those that a key may not use are not shown. */
import type { LinkProps } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { may, type Operation } from '../session/permissions.js';
import type { Session } from '../session/session.js';
import { InboxCount } from './inbox-count.js';

type Entry = {
  readonly label: string;
  readonly link: LinkProps;
  readonly needs: Operation;
  /** Stands beside the label. */
  readonly Count?: ComponentType;
};

export function navOf(session: Session): Entry[] {
  const { entity, role } = session;
  const customers =
    entity === null
      ? { label: 'Customers', link: { to: '/customers' } satisfies LinkProps }
      : { label: 'Overview', link: { to: '/customers/$entity', params: { entity } } satisfies LinkProps };
  const entries: Entry[] = [
    { ...customers, needs: 'GET /v1/entities' },
    { label: 'Inbox', link: { to: '/inbox' }, needs: 'GET /v1/admin/inbox', Count: InboxCount },
    { label: 'Prices', link: { to: '/prices' }, needs: 'GET /v1/admin/prices' },
    { label: 'Operations', link: { to: '/operations' }, needs: 'GET /v1/admin/queue' },
    { label: 'Keys', link: { to: '/keys' }, needs: 'GET /v1/admin/keys' },
    { label: 'Alerts', link: { to: '/alerts' }, needs: 'GET /v1/organization/alerts' },
    { label: 'Webhooks', link: { to: '/webhooks' }, needs: 'GET /v1/admin/webhooks' },
    { label: 'Audit', link: { to: '/audit' }, needs: 'GET /v1/admin/audit_log' },
    { label: 'Settings', link: { to: '/settings' }, needs: 'GET /v1/admin/plans' },
  ];
  return entries.filter(({ needs }) => may(role, needs));
}
