/**
 * The lanes of upkeep, each a queue with a worker of its own: none waits for another. A lane runs as many jobs at once as it has
 * schedules, so none of them waits for another one either.
 */
import { InjectQueue, Processor } from '@nestjs/bullmq';
import { Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Queue } from 'bullmq';
import { Clock } from '../platform/clock.js';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';
import { UPKEEP_QUEUES } from '../platform/queues.js';
import { UpkeepLane } from './upkeep-lane.js';
import { SCHEDULES } from './schedules.js';

export function laneOf(name: keyof typeof SCHEDULES): Type<UpkeepLane> {
  const schedules = SCHEDULES[name];

  @Injectable()
  @Processor(UPKEEP_QUEUES[name], { concurrency: Object.keys(schedules).length })
  class Lane extends UpkeepLane {
    constructor(
      @InjectQueue(UPKEEP_QUEUES[name]) queue: Queue,
      modules: ModuleRef,
      logger: Logger,
      clock: Clock,
      metrics: Metrics,
    ) {
      super(queue, schedules, modules, logger, clock, metrics);
    }
  }
  return Lane;
}
