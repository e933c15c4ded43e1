/** A real Prometheus with the rules of deploy/prometheus over all processes: which alerts' expressions are true now. */
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { ADMIN_KEY } from '../../../support/app.js';
import { startPrometheus, type Prometheus } from '../../../support/prometheus.js';
import { until } from '../../../support/until.js';
import type { Machines } from './machines.js';

const RULES = resolve(import.meta.dirname, '../../../../deploy/prometheus/alerts.yaml');

type Alert = { readonly labels: Readonly<Record<string, string>>; readonly activeAt: string };

export class AlertWatch {
  private constructor(private readonly prometheus: Prometheus) {}

  static async open({ all }: Machines): Promise<AlertWatch> {
    const prometheus = await startPrometheus(
      stringify({
        // A process that waits for a server answers after two seconds.
        global: { scrape_interval: '4s', scrape_timeout: '4s', evaluation_interval: '1s' },
        rule_files: [RULES],
        scrape_configs: [
          {
            job_name: 'tally',
            authorization: { credentials: ADMIN_KEY },
            static_configs: [{ targets: all.map(({ url }) => new URL(url).host) }],
          },
        ],
      }),
    );
    const watch = new AlertWatch(prometheus);
    await until('every process was scraped', async () => {
      const { activeTargets } = await prometheus.ask('/api/v1/targets');
      return activeTargets.every(({ health }: { health: string }) => health === 'up');
    });
    return watch;
  }

  /** Names of alerts that have been pending or firing since then or later, in their order. */
  async since(date: Date): Promise<string[]> {
    const active = (await this.active()).filter(({ activeAt }) => new Date(activeAt) >= date);
    return [...new Set(active.map(({ labels }) => labels['alertname']!))].toSorted();
  }

  async untilActive(names: readonly string[], date: Date): Promise<void> {
    await until(`Prometheus sees ${names.join(' and ')}`, async () => {
      const active = await this.since(date);
      return names.every((name) => active.includes(name));
    });
  }

  async untilOver(names: readonly string[]): Promise<void> {
    await until(`Prometheus sees no ${names.join(' and no ')}`, async () => {
      const active = (await this.active()).map(({ labels }) => labels['alertname']!);
      return names.every((name) => !active.includes(name));
    });
  }

  stop(): Promise<void> {
    return this.prometheus.stop();
  }

  private async active(): Promise<Alert[]> {
    return (await this.prometheus.ask('/api/v1/alerts')).alerts;
  }
}
