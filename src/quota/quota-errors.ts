/** The errors of a decision, apart from denials. */
import { OVERLOADED_MESSAGE } from '@tally/client/protocol';
import { TallyError } from '../domain/errors.js';

export function notFound(id: string): TallyError {
  return new TallyError('not_found', `no reservation ${id}, or it has ended`, { param: 'id' });
}

export function conflict(): TallyError {
  const message = 'request_id was used for a request with another model, tier or region, or other tokens';
  return new TallyError('conflict', message, { param: 'request_id' });
}

/** Of a request id whose reservation was booked or released, or has expired. */
export function usedUp(): TallyError {
  const message =
    'request_id was used for a reservation that has ended; a new request needs an id of its own';
  return new TallyError('conflict', message, { param: 'request_id' });
}

export function overloaded(): TallyError {
  return new TallyError('overloaded', OVERLOADED_MESSAGE);
}

export function modelNotFound(model: string): TallyError {
  const message = `The model \`${model}\` does not exist or you do not have access to it`;
  return new TallyError('model_not_found', message, { param: 'model' });
}
