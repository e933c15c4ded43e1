/** The commands and environments that the files for deployment would run the image with. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export const ROOT = join(import.meta.dirname, '../../..');

export type Start = { readonly command: readonly string[]; readonly env: Readonly<Record<string, string>> };

const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The image's own command, and what it sets. */
export function imageStart(): Start {
  const [, last = ''] = textOf('Dockerfile').split(/^FROM debian.*$/m);
  const command = JSON.parse(/^CMD (\[.*\])$/m.exec(last)?.[1] ?? '[]') as string[];
  const variables = /^ENV (.*)$/m.exec(last)?.[1]?.split(' ') ?? [];
  return { command, env: Object.fromEntries(variables.map(pair)) };
}

/** What the image asks its process whether it turns. */
export function healthCheck(): Start {
  const command = /^HEALTHCHECK [^[]*(\[.*\])$/m.exec(textOf('Dockerfile'))?.[1] ?? '[]';
  return { command: JSON.parse(command) as string[], env: imageStart().env };
}

/** What `docker compose up` starts of ours, by service, with nothing in .env. */
export function composeStarts(): Record<string, Start> {
  const { services } = parse(textOf('compose.yaml'), { merge: true }) as {
    services: Record<string, { build?: string; command?: string[]; environment?: Record<string, unknown> }>;
  };
  const image = imageStart();
  const ours = Object.entries(services).filter(([, service]) => service.build !== undefined);
  return Object.fromEntries(
    ours.map(([name, { command = image.command, environment = {} }]) => {
      const env = Object.entries(environment).map(([key, value]) => [key, withDefaults(String(value))]);
      return [
        name,
        { command, env: { ...image.env, ...(Object.fromEntries(env) as Record<string, string>) } },
      ];
    }),
  );
}

/** `%i` is the instance, which is the port. */
export function unitStart(unit: string, instance = ''): Start {
  const lines = textOf(join('deploy/systemd', unit)).split('\n');
  const valuesOf = (name: string) =>
    lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
  const [command = []] = valuesOf('ExecStart').map((line) =>
    line.replace('/usr/bin/node', 'node').split(' '),
  );
  const variables = valuesOf('Environment').flatMap((line) => line.replaceAll('%i', instance).split(' '));
  return { command, env: Object.fromEntries(variables.map(pair)) };
}

/** `A=b=c` → `A`, `b=c`. */
function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function withDefaults(text: string): string {
  return text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}
