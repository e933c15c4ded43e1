/** `GET /`: people go on to the dashboard, programs get links. */
import { Controller, Headers, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { VERSION } from '../platform/version.js';
import { preferredOf } from './accept-header.js';
import { Route } from './route.js';

const SEE_OTHER = 303;

const LINKS = {
  object: 'service',
  name: 'tally',
  version: VERSION,
  openapi_url: '/openapi.json',
  docs_url: '/docs',
  dashboard_url: '/dashboard',
} as const;

@Controller()
@ApiExcludeController()
export class RootController {
  @Route('GET /', { scope: 'public', role: 'anyone', summary: 'Where to go from here' })
  read(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): typeof LINKS | undefined {
    void reply.header('vary', 'accept');
    if (preferredOf(accept, ['application/json', 'text/html']) === 'application/json') return LINKS;
    void reply.code(SEE_OTHER).header('location', LINKS.dashboard_url);
    return undefined;
  }
}

/** Of a service that listens at this address, for its log. A worker serves probes alone. */
export function addressesOf(url: string, role: string): Record<string, string> {
  return role === 'worker'
    ? { url }
    : { url, dashboard: url + LINKS.dashboard_url, docs: url + LINKS.docs_url };
}
