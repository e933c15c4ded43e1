/** The alerts of one customer, among its pages: each with its last delivery. */
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { PageHead } from '../../parts/page-head.js';
import { MakeAlert } from './alert-acts.js';
import { AlertsGoTo, CustomerAlerts } from './alerts.js';
import { customerAlertsRoute } from './route.js';
import { MakeSpendAlert } from './spend-alert-acts.js';

export function AlertsOfCustomer() {
  const { entity } = customerAlertsRoute.useParams();
  return (
    <>
      <PageHead title={entity} lead="What is watched, who is told, and the last delivery of each alert.">
        <MakeAlert entity={entity} />
        <MakeSpendAlert entity={entity} />
      </PageHead>
      <CustomerTabs entity={entity} />
      <CustomerAlerts entity={entity} />
      <AlertsGoTo />
    </>
  );
}
