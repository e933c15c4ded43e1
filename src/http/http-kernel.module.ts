/** Health and metrics in every process; the API's document and the page where the API is served. */
import { Module } from '@nestjs/common';
import { APP_GUARD, APP_PIPE } from '@nestjs/core';
import { RootController } from './root.controller.js';
import { ConsoleController } from './console.controller.js';
import { DocsController } from './docs.controller.js';
import { OperationsController } from './operations.controller.js';
import { Readiness } from './readiness.js';
import { MetricsServer } from './metrics-server.js';
import { SchemaPipe } from './schema-pipe.js';
import { UnknownFields } from './unknown-fields.js';

@Module({
  providers: [
    Readiness,
    MetricsServer,
    { provide: APP_PIPE, useClass: SchemaPipe },
    { provide: APP_GUARD, useClass: UnknownFields },
  ],
  controllers: [OperationsController],
})
export class HttpKernelModule {}

@Module({ controllers: [RootController, DocsController, ConsoleController] })
export class HttpKernelApi {}
