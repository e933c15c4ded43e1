/** What a request that started a job answers: what came of it, or the job where that takes longer than two seconds. */
import { applyDecorators, StreamableFile } from '@nestjs/common';
import { ApiResponse } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { TallyError } from '../domain/errors.js';
import { headersNamed } from '../http/document-headers.js';
import type { Jobs } from './jobs.js';
import { presentEnded } from './jobs.presenter.js';
import { Job } from './jobs.schema.js';

/** For the API's document: the route answers with a job where it takes long. */
export function MayBeAJob(): MethodDecorator {
  const description =
    'It takes longer than two seconds: GET /v1/admin/jobs/{id}, which `Location` names, says how far it is, and what came of it';
  const headers = headersNamed(['Location']);
  return applyDecorators(ApiResponse({ status: 202, description, standardSchema: Job, headers }));
}

/** Call it after the commit that started the job. Throws what the job failed with. */
export async function answerOf(jobs: Jobs, id: string, reply: FastifyReply): Promise<StreamableFile> {
  const job = await jobs.settled(id);
  if (job === null) throw new TallyError('not_found', 'the job is gone');
  const { status, error, result } = job;
  if (status === 'failed' && error !== null) {
    const { code, message, param } = error;
    throw new TallyError(code, message, param === null ? {} : { param });
  }
  if (status === 'done' && result !== null) return json(result);
  void reply.status(202).header('location', `/v1/admin/jobs/${id}`);
  return json(presentEnded(job));
}

/** Text that is JSON already. */
export function json(text: string): StreamableFile {
  return new StreamableFile(Buffer.from(text), { type: 'application/json; charset=utf-8' });
}
