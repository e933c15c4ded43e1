/** The audit log's names of actions, and what people call them. */
const WORDS: Readonly<Record<string, string>> = {
  'limits.change': 'Limits changed',
  'spend_limit.change': 'Own spend limit changed',
  'entities.put': 'Customer created or changed',
  'entities.delete': 'Customer deleted',
  'entities.erase': 'Person erased',
  'projects.put': 'Project created or changed',
  'plans.put': 'Plan created or changed',
  'credits.grant': 'Credits granted or bought',
  'credits.void': 'Credits voided',
  'credits.refund': 'Credits refunded',
  'credits.freeze': 'Credits frozen',
  'credits.unfreeze': 'Credits unfrozen',
  'prices.publish': 'Price published',
  'prices.import': 'Prices imported',
  'prices.rerate': 'Usage re-rated',
  'usage_events.void': 'Event voided',
  'usage_conflicts.counted': 'Conflict counted',
  'usage_conflicts.reviewed': 'Conflict reviewed',
  'dead_letters.replayed': 'Dead letter replayed',
  'dead_letters.discarded': 'Dead letter discarded',
  'keys.create': 'Key made',
  'keys.rename': 'Key renamed',
  'keys.rotate': 'Key rotated',
  'keys.revoke': 'Key revoked',
  'alerts.create': 'Alert made',
  'alerts.update': 'Alert changed',
  'alerts.delete': 'Alert deleted',
  'spend_alerts.create': 'Spend alert made',
  'spend_alerts.update': 'Spend alert changed',
  'spend_alerts.delete': 'Spend alert deleted',
  'webhooks.create': 'Webhook made',
  'webhooks.delete': 'Webhook deleted',
  'webhooks.rotate': 'Webhook secret rotated',
  'webhooks.test': 'Webhook tested',
  'webhooks.resend': 'Webhook delivery resent',
  'queue.pause': 'Queue paused',
  'queue.resume': 'Queue resumed',
  'reconciliation.repair': 'Books repaired',
  'settings.retention': 'Retention changed',
  'usage_months.drop': 'Events of a month dropped',
  'jobs.start': 'Job started',
  'access.denied': 'Call denied: the key may not make it',
  'access.refused': 'Call refused',
};

export const ACTIONS = Object.keys(WORDS);

/** An unknown action is shown by its name. */
export function actionWords(action: string): string {
  return WORDS[action] ?? action;
}
