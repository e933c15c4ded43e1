/** The servers whose usage a replay can name, checked against the API's own list. */
import type { Schemas } from '../../api/client.js';

const FORMATS: Record<Schemas['UsageFormat'], true> = {
  openai: true, openai_chat: true, openai_responses: true, openai_embeddings: true, openai_images: true, openai_realtime: true,
  openai_transcription: true, anthropic: true, anthropic_messages: true, gemini: true, gemini_openai: true, vertex: true,
  bedrock: true, bedrock_converse: true, azure: true, cohere: true, mistral: true, deepseek: true, kimi: true, xai: true, groq: true,
  fireworks: true, openrouter: true, perplexity: true, vllm: true, sglang: true, tgi: true, ollama: true, llama_cpp: true,
  lm_studio: true, litellm: true, vercel: true, ai_sdk: true, langchain: true, pydantic_ai: true, rerank: true, search_units: true,
  images: true, pages: true, characters: true, duration: true, total: true, meters: true,
}; // prettier-ignore

export const USAGE_FORMATS = Object.keys(FORMATS) as readonly Schemas['UsageFormat'][];
