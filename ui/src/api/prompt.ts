import type { TokenRecord } from "@/types";
import { post } from "./chat";
import { promptRecord } from "./records";
import type { ChatCompletion, ChatRequest } from "./wire";

/** The tokens of a request's prompt, with what the model thought of each. Throws as `streamChat` does. */
export async function readPrompt(body: ChatRequest, signal: AbortSignal): Promise<TokenRecord[]> {
  const { stream: _, stream_options: __, fork: ___, ...asked } = body;
  const response = await post({ ...asked, max_tokens: 1, metrics: false, prompt_metrics: true }, { signal });
  const { prompt_metrics } = (await response.json()) as ChatCompletion;
  return (prompt_metrics ?? []).map(promptRecord);
}
