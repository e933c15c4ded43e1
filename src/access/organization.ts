/** The organization of OpenAI's paths is the entity: the key's own or, for a key that serves all, the one in a header. */
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { NAME_PATTERN } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';
import type { EntityName } from '../domain/ids.js';
import { principalOf, requireEntity } from './principal.js';
import { parseRequest } from '../http/schema-pipe.js';
import { entityName } from '../http/fields.js';

const HEADER = 'OpenAI-Organization';

/** For the API's document, on every route that has an `@Organization()`. */
export const ORGANIZATION_HEADERS = [
  {
    name: HEADER,
    required: false,
    description: 'The entity; a key bound to one needs no header',
    pattern: NAME_PATTERN,
    example: 'entity1',
  },
];

export const Organization = createParamDecorator((_: unknown, context: ExecutionContext): EntityName => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const principal = principalOf(request);
  const header = request.headers[HEADER.toLowerCase()];
  if (header === undefined && principal.entity !== null) return principal.entity;
  if (header === undefined) {
    throw new TallyError('invalid_request', `${HEADER}: must name the entity, since this key serves all`, {
      param: HEADER,
    });
  }
  const entity = parseRequest(entityName, header, HEADER);
  requireEntity(principal, entity);
  return entity;
});
