/**
 * The lanes of upkeep, each a queue with a worker of its own: none waits for another. A lane runs as many jobs at once as it has
 * schedules, so none of them waits for another one either.
 */
import { InjectQueue, Processor } from '@nestjs/bullmq';
import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Queue } from 'bullmq';
import { Clock } from '../platform/clock.js';
import { Logger } from '../platform/logger.js';
import { UPKEEP_QUEUES } from '../platform/queues.js';
import { UpkeepLane } from './upkeep-lane.js';
import { SCHEDULES } from './schedules.js';

const concurrencyOf = (lane: keyof typeof SCHEDULES) => ({
  concurrency: Object.keys(SCHEDULES[lane]).length,
});

@Injectable()
@Processor(UPKEEP_QUEUES.money, concurrencyOf('money'))
export class MoneyLane extends UpkeepLane {
  constructor(
    @InjectQueue(UPKEEP_QUEUES.money) queue: Queue,
    modules: ModuleRef,
    logger: Logger,
    clock: Clock,
  ) {
    super(queue, SCHEDULES.money, modules, logger, clock);
  }
}

@Injectable()
@Processor(UPKEEP_QUEUES.slow, concurrencyOf('slow'))
export class SlowLane extends UpkeepLane {
  constructor(
    @InjectQueue(UPKEEP_QUEUES.slow) queue: Queue,
    modules: ModuleRef,
    logger: Logger,
    clock: Clock,
  ) {
    super(queue, SCHEDULES.slow, modules, logger, clock);
  }
}

@Injectable()
@Processor(UPKEEP_QUEUES.months, concurrencyOf('months'))
export class MonthsLane extends UpkeepLane {
  constructor(
    @InjectQueue(UPKEEP_QUEUES.months) queue: Queue,
    modules: ModuleRef,
    logger: Logger,
    clock: Clock,
  ) {
    super(queue, SCHEDULES.months, modules, logger, clock);
  }
}

@Injectable()
@Processor(UPKEEP_QUEUES.outbound, concurrencyOf('outbound'))
export class OutboundLane extends UpkeepLane {
  constructor(
    @InjectQueue(UPKEEP_QUEUES.outbound) queue: Queue,
    modules: ModuleRef,
    logger: Logger,
    clock: Clock,
  ) {
    super(queue, SCHEDULES.outbound, modules, logger, clock);
  }
}
