/**
 * bull-board's page and what of its API reads. It has a server adapter of our own, so that no route that changes, pauses or removes a job
 * exists at all: a job that is removed is usage that is lost.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type {
  AppControllerRoute,
  AppViewRoute,
  BullBoardQueues,
  ControllerHandlerReturnType,
  IServerAdapter,
  UIConfig,
} from '@bull-board/api/typings/app';
import type { Queue } from 'bullmq';
import type { StaticFile } from '../http/static-files.js';

const UI = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json')),
  'dist',
);
const BASE = '/admin/queues';

const TYPES: ReadonlyMap<string, string> = new Map([
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.json', 'application/json; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.ico', 'image/x-icon'],
]);

type Reader = { readonly pattern: RegExp; readonly route: AppControllerRoute };

export type BoardAnswer = { readonly status: number; readonly body: unknown };

export class QueueBoard {
  private readonly adapter = new ReadingAdapter();

  constructor(queues: readonly Queue[]) {
    createBullBoard({
      queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false })),
      serverAdapter: this.adapter,
      options: {
        uiConfig: {
          boardTitle: 'Tally: queues',
          miscLinks: [
            { text: 'Tally', url: '/dashboard/operations' },
            { text: 'Sign out', url: '/dashboard/sign-out' },
          ],
        },
      },
    });
  }

  /** The same for every address of the page; it holds no data. */
  page(): string {
    const { basePath, title, favIconDefault, favIconAlternative, uiConfig } = this.adapter.view();
    const values = new Map(Object.entries({ basePath, title, favIconDefault, favIconAlternative, uiConfig }));
    return (
      readFileSync(path.join(UI, 'index.ejs'), 'utf8')
        .replaceAll(/<%[=-] (\w+) %>/g, (_, name: string) => values.get(name) ?? '')
        // Nothing comes from another host, and what the policy of the page blocks is not asked for.
        .replaceAll(/<link href="https:[^>]*>\n?/g, '')
        .replaceAll(/<style>.*?<\/style>/gs, '')
        .replaceAll(/ style="[^"]*"/g, '')
    );
  }

  /** Null where nothing of this path is read. */
  async read(apiPath: string, query: Record<string, unknown>): Promise<BoardAnswer | null> {
    for (const { pattern, route } of this.adapter.readers) {
      const params = pattern.exec(apiPath)?.groups;
      if (params === undefined) continue;
      const { queues, uiConfig } = this.adapter;
      const answer = await route.handler({
        queues,
        uiConfig,
        params: { ...params },
        query,
        body: {},
        headers: {},
      });
      return { status: answer.status ?? 200, body: answer.body };
    }
    return null;
  }
}

/** The page's scripts, styles and pictures, by their path. */
export function boardFiles(): Map<string, StaticFile> {
  const folder = path.join(UI, 'static');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return new Map(
    names.flatMap((name): [string, StaticFile][] => {
      const type = TYPES.get(path.extname(name));
      const file = { type: type ?? '', read: () => readFileSync(path.join(folder, name)) };
      return type === undefined ? [] : [[name.split(path.sep).join('/'), file]];
    }),
  );
}

/** Takes what bull-board would have a server do, and leaves out all but reading. */
class ReadingAdapter implements IServerAdapter {
  readers: readonly Reader[] = [];
  queues: BullBoardQueues = new Map();
  uiConfig: UIConfig = {};
  private entry: AppViewRoute | null = null;

  view(): Record<string, string> {
    return this.entry!.handler({ basePath: BASE, uiConfig: this.uiConfig }).params;
  }

  setQueues(queues: BullBoardQueues): this {
    this.queues = queues;
    return this;
  }

  setApiRoutes(routes: readonly AppControllerRoute[]): this {
    const reading = routes.filter(({ method }) => [method].flat().every((each) => each === 'get'));
    this.readers = reading.flatMap((route) =>
      [route.route].flat().map((each) => ({ pattern: patternOf(each), route })),
    );
    return this;
  }

  setEntryRoute(route: AppViewRoute): this {
    this.entry = route;
    return this;
  }

  setUIConfig(config: UIConfig): this {
    this.uiConfig = config;
    return this;
  }

  setViewsPath(): this {
    return this;
  }

  setStaticPath(): this {
    return this;
  }

  /** An error of a handler reaches our own filter. */
  setErrorHandler(_handler: (error: Error) => ControllerHandlerReturnType): this {
    return this;
  }
}

/** `/api/queues/:queueName` with its parameters as named groups, which are there also where there are none. */
function patternOf(route: string): RegExp {
  const named = route.replaceAll(/:(\w+)/g, '(?<$1>[^/]+)');
  return new RegExp(`^${named}(?<rest>)$`);
}
