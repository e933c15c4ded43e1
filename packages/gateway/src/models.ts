/** The models that the gateway offers. Tally's price book has a price for each. */

export type Operation = 'chat' | 'embeddings';

export const MODELS: readonly { id: string; operation: Operation }[] = [
  { id: 'cw_deepseek-ai_DeepSeek-R1', operation: 'chat' },
  { id: 'cw_Qwen_QwQ-32B', operation: 'chat' },
  { id: 'cw_meta-llama_Llama-3.3-70B-Instruct', operation: 'chat' },
  { id: 'cw_BAAI_bge-m3', operation: 'embeddings' },
  { id: 'cw_mistralai_Mistral-Small-3.1-24B-Instruct-2503', operation: 'chat' },
  { id: 'cw_meta-llama_Llama-4-Scout-17B-16E-Instruct', operation: 'chat' },
  { id: 'cw_Qwen_Qwen2.5-VL-7B-Instruct', operation: 'chat' },
  { id: 'cw_microsoft_Phi-4-mini-instruct', operation: 'chat' },
  { id: 'cw_meta-llama_Llama-4-Maverick-17B-128E-Instruct-FP8', operation: 'chat' },
  { id: 'cw_ibm-granite_granite-3.3-8b-instruct', operation: 'chat' },
];

/** The answer of `GET /v1/models`. */
export function listModels() {
  const data = MODELS.map(({ id }) => ({
    id,
    object: 'model',
    created: 1_764_547_200,
    owned_by: id.split('_')[1],
  }));
  return { object: 'list', data };
}
