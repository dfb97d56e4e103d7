import { METRIC_NAMES } from "@/lib/metrics";
import type { Alternative, MetricName, TokenRecord } from "@/types";
import type { ChatChunk, PathToken, TokenLogprob, TokenMetrics } from "./wire";

/**
 * Shares out a chunk's text among its tokens, so that the pieces joined are the text again. A token that
 * only began a character gets "", the one that completed it gets the character.
 */
export function splitText(text: string, tokens: readonly string[]): string[] {
  let rest = text;
  return tokens.map((token, i) => {
    if (i === tokens.length - 1) return rest;
    if (!rest.startsWith(token)) return "";
    rest = rest.slice(token.length);
    return token;
  });
}

function alternatives(listed: TokenLogprob["top_logprobs"] | undefined): Alternative[] {
  return (listed ?? []).map(({ token, logprob, token_id }) =>
    token_id === undefined ? { token, logprob } : { token, logprob, token_id },
  );
}

function record(
  metrics: TokenMetrics,
  text: string,
  listed: TokenLogprob["top_logprobs"] | undefined,
): TokenRecord {
  const numbers = Object.fromEntries(METRIC_NAMES.map((name) => [name, metrics[name] ?? Number.NaN]));
  return {
    ...(numbers as Record<MetricName, number>),
    position: metrics.position,
    token_id: metrics.token_id,
    token: metrics.token,
    quadrant: metrics.quadrant ?? null,
    logprob: metrics.logprob ?? Number.NaN,
    temperature: metrics.temperature ?? null,
    top_p: metrics.top_p ?? null,
    top_k: metrics.top_k ?? null,
    min_p: metrics.min_p ?? null,
    text,
    alternatives: alternatives(listed),
    ...(metrics.drafted ? { drafted: true } : {}),
  };
}

/**
 * The tokens of one chunk with the text that each added. Text that came without a token (the tail that a stop
 * rule held back) is returned as `tail`.
 */
export function chunkRecords(chunk: ChatChunk): { tokens: TokenRecord[]; text: string; tail: string } {
  const choice = chunk.choices[0];
  const text = choice?.delta.content ?? "";
  const metrics = chunk.metrics ?? [];
  const pieces = splitText(
    text,
    metrics.map((m) => m.token),
  );
  const content = choice?.logprobs?.content ?? [];
  const tokens = metrics.map((m, i) => record(m, pieces[i] ?? "", content[i]?.top_logprobs));
  return { tokens, text, tail: metrics.length === 0 ? text : "" };
}

/** A token of a path that may or may not become the answer. */
export function pathRecord(event: PathToken): TokenRecord {
  return record(event, event.text, event.top_logprobs ?? undefined);
}
