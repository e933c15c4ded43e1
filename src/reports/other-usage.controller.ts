/** Finance: the other kinds of usage in OpenAI's shapes. A kind that Tally counts nothing of has empty buckets. */
import { Controller, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Organization, ORGANIZATION_HEADERS } from '../access/organization.js';
import type { EntityName } from '../domain/ids.js';
import type { Meter } from '../domain/meters.js';
import { INPUT_TOKEN_METERS } from '../domain/meters.js';
import { Route } from '../http/route.js';
import { BucketedReports } from './bucketed-reports.js';
import { usageQueryOf } from './organization-usage.controller.js';
import { presentBuckets, sumOf } from './organization-usage.presenter.js';
import type { BucketedUsage, UsageKind } from './organization-usage.sql.js';
import * as schemas from './other-usage.schema.js';

type Asked = z.output<typeof schemas.ModelUsageQuery>;

const BASE = { role: 'finance', lags: true, scope: 'own', headers: ORGANIZATION_HEADERS } as const;

@Controller()
export class OtherUsageController {
  constructor(private readonly reports: BucketedReports) {}

  @Route('GET /v1/organization/usage/moderations', {
    ...BASE,
    summary: 'Moderations over time',
    answers: schemas.ModerationsPage,
  })
  async moderations(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ModelUsageQuery }) query: z.output<typeof schemas.ModelUsageQuery>,
  ) {
    return this.of(entity, query, 'moderations', (row) => ({
      object: 'organization.usage.moderations.result',
      input_tokens: sumOf(row.quantities, INPUT_TOKEN_METERS),
      ...ofModel(row),
    }));
  }

  @Route('GET /v1/organization/usage/images', {
    ...BASE,
    summary: 'Images over time',
    answers: schemas.ImagesPage,
  })
  async images(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ImagesQuery }) query: z.output<typeof schemas.ImagesQuery>,
  ) {
    if (query.sizes !== undefined || query.sources !== undefined) return this.nothing(entity, query);
    return this.of(entity, query, 'images', (row) => ({
      object: 'organization.usage.images.result',
      images: sumOf(row.quantities, ['image']),
      ...ofModel(row),
      size: null,
      source: null,
    }));
  }

  @Route('GET /v1/organization/usage/audio_speeches', {
    ...BASE,
    summary: 'Speech that was made of text, over time',
    answers: schemas.SpeechesPage,
  })
  async audioSpeeches(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ModelUsageQuery }) query: z.output<typeof schemas.ModelUsageQuery>,
  ) {
    return this.of(entity, query, 'audio_speeches', (row) => ({
      object: 'organization.usage.audio_speeches.result',
      characters: sumOf(row.quantities, ['input_character']),
      ...ofModel(row),
    }));
  }

  @Route('GET /v1/organization/usage/audio_transcriptions', {
    ...BASE,
    summary: 'Text that was made of speech, over time',
    answers: schemas.TranscriptionsPage,
  })
  async audioTranscriptions(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ModelUsageQuery }) query: z.output<typeof schemas.ModelUsageQuery>,
  ) {
    return this.of(entity, query, 'audio_transcriptions', (row) => ({
      object: 'organization.usage.audio_transcriptions.result',
      seconds: sumOf(row.quantities, ['input_second']),
      ...ofModel(row),
    }));
  }

  @Route('GET /v1/organization/usage/web_search_calls', {
    ...BASE,
    summary: 'Web searches over time',
    answers: schemas.WebSearchesPage,
  })
  async webSearchCalls(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.WebSearchesQuery }) query: z.output<typeof schemas.WebSearchesQuery>,
  ) {
    if (query.context_levels !== undefined) return this.nothing(entity, query);
    return this.of(entity, query, 'web_search_calls', (row) => ({
      object: 'organization.usage.web_searches.result',
      num_requests: sumOf(row.quantities, ['search']),
      ...ofModel(row),
      context_level: null,
    }));
  }

  @Route('GET /v1/organization/usage/code_interpreter_sessions', {
    ...BASE,
    summary: 'Sessions over time',
    answers: schemas.SessionsPage,
  })
  async codeInterpreterSessions(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ProjectUsageQuery }) query: z.output<typeof schemas.ProjectUsageQuery>,
  ) {
    return this.of(entity, query, 'code_interpreter_sessions', (row) => ({
      object: 'organization.usage.code_interpreter_sessions.result',
      num_sessions: sumOf(row.quantities, ['session'] satisfies Meter[]),
      project_id: row.project,
    }));
  }

  @Route('GET /v1/organization/usage/vector_stores', {
    ...BASE,
    summary: 'Vector stores over time: always empty',
    answers: schemas.VectorStoresPage,
  })
  async vectorStores(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.ProjectUsageQuery }) query: z.output<typeof schemas.ProjectUsageQuery>,
  ) {
    return this.nothing(entity, query);
  }

  @Route('GET /v1/organization/usage/file_search_calls', {
    ...BASE,
    summary: 'File searches over time: always empty',
    answers: schemas.FileSearchesPage,
  })
  async fileSearchCalls(
    @Organization() entity: EntityName,
    @Query({ schema: schemas.FileSearchesQuery }) query: z.output<typeof schemas.FileSearchesQuery>,
  ) {
    return this.nothing(entity, query);
  }

  private async of<Result>(
    entity: EntityName,
    query: Omit<Asked, 'group_by'> | Asked,
    kind: UsageKind,
    present: (row: BucketedUsage) => Result,
  ) {
    return presentBuckets(
      await this.reports.usage({ ...usageQueryOf(entity, query as Asked), kind, batch: null }),
      present,
    );
  }

  private async nothing(entity: EntityName, query: object) {
    const { start, end, width, bucketCountMax, cursor } = usageQueryOf(entity, query as Asked);
    const page = await this.reports.nothing({ entity, start, end, width, bucketCountMax, cursor });
    return presentBuckets(page, (row) => row);
  }
}

function ofModel(row: BucketedUsage) {
  return {
    num_model_requests: Number(row.requests),
    project_id: row.project,
    user_id: row.user,
    api_key_id: row.apiKey,
    model: row.model,
  };
}
