/** An admin pauses the queue of usage, and resumes it. */
import assert from 'node:assert/strict';
import type { TestApp } from '../support/app.js';

export async function setPaused(call: TestApp['call'], isPaused: boolean): Promise<void> {
  const { status, body, text } = await call(`POST /v1/admin/queue/${isPaused ? 'pause' : 'resume'}`);
  assert.deepEqual([status, body.paused], [200, isPaused], text);
}
