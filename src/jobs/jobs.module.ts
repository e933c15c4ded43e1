/** Long work: started by a request, run by a worker. */
import { Injectable, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { JobKinds } from './job-kinds.js';
import { JobRunner } from './job-runner.js';
import { JobsController } from './jobs.controller.js';
import { Jobs } from './jobs.js';

const SERVICES = [JobKinds, Jobs, JobRunner];

@Module({ providers: SERVICES, exports: SERVICES })
export class JobsModule {}

@Module({ imports: [JobsModule], controllers: [JobsController] })
export class JobsApi {}

/** Once all kinds are added. */
@Injectable()
export class JobsStart implements OnApplicationBootstrap {
  constructor(private readonly runner: JobRunner) {}

  onApplicationBootstrap(): void {
    this.runner.start();
  }
}

@Module({ imports: [JobsModule], providers: [JobsStart] })
export class JobsWorker {}
