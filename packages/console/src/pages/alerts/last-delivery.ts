/** The newest delivery of each alert, among the newest of every webhook and of the mail. */
import { queryOptions } from '@tanstack/react-query';
import { answered, api, type Schemas } from '../../api/client.js';

type Delivered = {
  readonly at: number;
  readonly status: Schemas['DeliveryStatus'];
  /** The webhook's address, or the mail's. */
  readonly to: string;
};

type Facts = Delivered & {
  readonly alert: string | null;
  readonly type: string;
  readonly entity: string | null;
};

const LOOKED_THROUGH = 100;

export function deliveries() {
  return queryOptions({
    queryKey: ['deliveries of alerts'] as const,
    queryFn: async (): Promise<Facts[]> => {
      const query = { limit: LOOKED_THROUGH };
      const [mails, webhooks] = await Promise.all([
        answered(api.GET('/v1/admin/mail_deliveries', { params: { query } })),
        answered(api.GET('/v1/admin/webhooks', { params: { query } })),
      ]);
      const sent = await Promise.all(
        webhooks.data.map(async ({ id, url }) => {
          const { data } = await answered(
            api.GET('/v1/admin/webhooks/{id}/deliveries', { params: { path: { id }, query } }),
          );
          return data.map((delivery) => ({ ...factsOf(delivery), to: url, alert: alertIn(delivery.body) }));
        }),
      );
      const mailed = mails.data.map((mail) => ({ ...factsOf(mail), to: mail.recipient, alert: null }));
      return [...sent.flat(), ...mailed].toSorted((a, b) => b.at - a.at);
    },
  });
}

function factsOf({
  created_at: at,
  status,
  type,
  entity,
}: Schemas['WebhookDelivery'] | Schemas['MailDelivery']) {
  return { at, status, type, entity };
}

/** An event's body names its alert. */
function alertIn(body: string): string | null {
  try {
    return (JSON.parse(body) as { data?: { id?: string } }).data?.id ?? null;
  } catch {
    return null;
  }
}

/** A webhook's delivery names its alert. A mail does not: it matches by kind, customer and recipient. */
export function lastOf(
  facts: readonly Facts[],
  alert: { id: string; type: string; entity: string | null; recipients: readonly string[] },
): Delivered | null {
  return (
    facts.find(
      (fact) =>
        fact.alert === alert.id ||
        (fact.alert === null &&
          fact.type === alert.type &&
          (alert.entity === null || fact.entity === alert.entity) &&
          alert.recipients.includes(fact.to)),
    ) ?? null
  );
}
