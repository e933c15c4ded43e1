/** The errors of a decision, apart from denials. */
import { OVERLOADED_MESSAGE } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';

export function notFound(id: string): TallyError {
  return new TallyError('not_found', `no reservation ${id}, or it has ended`, { param: 'id' });
}

export function conflict(): TallyError {
  return new TallyError('conflict', 'request_id was used for a request with another model or other tokens', {
    param: 'request_id',
  });
}

export function overloaded(): TallyError {
  return new TallyError('overloaded', OVERLOADED_MESSAGE);
}
