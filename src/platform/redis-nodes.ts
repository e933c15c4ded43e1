/** The servers behind one connection: a single one, or the nodes of a Cluster. */
import type { RedisNames } from '@tally/client/protocol';
import type { RedisClient } from '@tally/client/redis';
import { Redis, type Cluster } from 'ioredis';

/** `name` is `host:port` of a Cluster's node, and null for a single server. */
export type RedisNode = { readonly name: string | null; readonly redis: Redis };

type Listener = (node: RedisNode) => void;

export class RedisNodes {
  private readonly single: RedisNode | null;
  private readonly cluster: Cluster | null;
  /** Of a Cluster, by name. */
  private readonly known = new Map<string, RedisNode>();
  private readonly closed: Listener[] = [];
  private readonly ready: Listener[] = [];

  /** Made with its connection, in the same turn of the event loop: a node that came before would not be heard. */
  constructor(
    readonly client: RedisClient,
    private readonly prefix: string | null = null,
  ) {
    this.single = client instanceof Redis ? { name: null, redis: client } : null;
    this.cluster = client instanceof Redis ? null : client;
    if (this.single !== null) this.listenTo(this.single);
    this.cluster?.nodes().forEach((redis) => this.add(redis));
    this.cluster?.on('+node', (redis: Redis) => this.add(redis));
    this.cluster?.on('-node', (redis: Redis) => this.remove(redis));
  }

  /** What its keys and queues are named by. */
  get names(): RedisNames {
    return { prefix: this.prefix, isCluster: this.isCluster };
  }

  get isCluster(): boolean {
    return this.cluster !== null;
  }

  /** Whether all that are known can be asked. */
  get isWhole(): boolean {
    return this.client.status === 'ready' && this.masters().every(({ redis }) => redis.status === 'ready');
  }

  /** Replicas as well: each may become a master. */
  all(): readonly RedisNode[] {
    return this.single === null ? this.nodesOf('all') : [this.single];
  }

  /** Those that take writes. */
  masters(): readonly RedisNode[] {
    return this.single === null ? this.nodesOf('master') : [this.single];
  }

  /** The one that has the slot, as far as it is known. */
  nodeOf(slot: number): RedisNode | null {
    if (this.cluster === null) return this.single;
    const name = this.cluster.slots[slot]?.[0];
    return name === undefined ? null : (this.known.get(name) ?? null);
  }

  /** Names of a Cluster's nodes that could not be reached for so long that their connection was given up, until it is asked for again. */
  givenUp(): readonly string[] {
    const named = new Set(this.cluster?.slots.flat());
    return [...named].filter((name) => !this.known.has(name));
  }

  /** Called when a server that was connected no longer is. */
  onClose(listener: Listener): void {
    this.closed.push(listener);
  }

  /** Called each time a server is connected. */
  onReady(listener: Listener): void {
    this.ready.push(listener);
  }

  /** Called when the Cluster may have another master for a slot. */
  onLayout(listener: () => void): void {
    this.cluster?.on('refresh', listener);
  }

  private nodesOf(role: 'all' | 'master'): RedisNode[] {
    const nodes = this.cluster?.nodes(role) ?? [];
    return nodes.map((redis) => this.known.get(nameOf(redis)) ?? { name: nameOf(redis), redis });
  }

  private add(redis: Redis): void {
    const node = { name: nameOf(redis), redis };
    this.known.set(node.name, node);
    this.listenTo(node);
  }

  private remove(redis: Redis): void {
    const name = nameOf(redis);
    if (this.known.get(name)?.redis === redis) this.known.delete(name);
  }

  private listenTo(node: RedisNode): void {
    node.redis.on('ready', () => this.ready.forEach((listener) => listener(node)));
    node.redis.on('close', () => {
      // We disconnect from a node that the Cluster no longer names, or names by another host: that is no outage.
      if (this.cluster === null || this.cluster.nodes().includes(node.redis))
        this.closed.forEach((listener) => listener(node));
    });
  }
}

function nameOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}
