import { METRIC_NAMES } from "@/lib/metrics";
import type { MetricName, QuadrantName, TokenRecord } from "@/types";

/**
 * Token records in columns, for storage: a tenth of the size of the objects, and quick to write while an answer
 * streams. Floats keep 32 bits, which is what the model computed them in.
 */
export interface PackedTokens {
  count: number;
  /** The ten numbers of FLOATS, one after another for each token. NaN is null. */
  floats: Float32Array;
  tokenIds: Int32Array;
  positions: Int32Array;
  /** Index into QUADRANTS; 0 is null. */
  quadrants: Uint8Array;
  /** 1: a person chose it; 2: a fork did; and 4 more where it was guessed ahead. */
  forced: Uint8Array;
  /** Distinct strings; everything below points into it. */
  strings: string[];
  tokens: Uint32Array;
  texts: Uint32Array;
  /** How many alternatives each token has; their columns follow one another. */
  alternatives: Uint8Array;
  alternativeTokens: Uint32Array;
  /** -1 where the server gave no id. */
  alternativeIds: Int32Array;
  alternativeLogprobs: Float32Array;
}

const PARAMETERS = ["temperature", "top_p", "top_k", "min_p"] as const;
const FLOATS = [...METRIC_NAMES, "logprob", ...PARAMETERS] as const;
const QUADRANTS: readonly (QuadrantName | null)[] = [
  null,
  "FLOWING",
  "TREADING",
  "EXPLORING",
  "RESAMPLING",
  "ADAPTIVE",
];

class StringTable {
  readonly strings: string[] = [];
  private readonly index = new Map<string, number>();

  at(text: string): number {
    const known = this.index.get(text);
    if (known !== undefined) return known;
    this.index.set(text, this.strings.length);
    return this.strings.push(text) - 1;
  }
}

export function packTokens(tokens: readonly TokenRecord[]): PackedTokens {
  const table = new StringTable();
  const flat = tokens.flatMap((t) => t.alternatives.slice(0, 255));
  return {
    count: tokens.length,
    floats: Float32Array.from(tokens.flatMap((t) => FLOATS.map((name) => t[name] ?? Number.NaN))),
    tokenIds: Int32Array.from(tokens, (t) => t.token_id),
    positions: Int32Array.from(tokens, (t) => t.position),
    quadrants: Uint8Array.from(tokens, (t) => Math.max(0, QUADRANTS.indexOf(t.quadrant))),
    forced: Uint8Array.from(tokens, (t) => (t.forced ? 1 : t.forked ? 2 : 0) + (t.drafted ? 4 : 0)),
    tokens: Uint32Array.from(tokens, (t) => table.at(t.token)),
    texts: Uint32Array.from(tokens, (t) => table.at(t.text)),
    alternatives: Uint8Array.from(tokens, (t) => Math.min(255, t.alternatives.length)),
    alternativeTokens: Uint32Array.from(flat, (a) => table.at(a.token)),
    alternativeIds: Int32Array.from(flat, (a) => a.token_id ?? -1),
    alternativeLogprobs: Float32Array.from(flat, (a) => a.logprob),
    strings: table.strings,
  };
}

export function unpackTokens(packed: PackedTokens): TokenRecord[] {
  const text = (i: number | undefined) => packed.strings[i ?? -1] ?? "";
  let next = 0;
  return Array.from({ length: packed.count }, (_, i) => {
    const float = (name: (typeof FLOATS)[number]) =>
      packed.floats[i * FLOATS.length + FLOATS.indexOf(name)] ?? Number.NaN;
    const orNull = (name: (typeof PARAMETERS)[number]) => (Number.isNaN(float(name)) ? null : float(name));
    const metrics = Object.fromEntries(METRIC_NAMES.map((name) => [name, float(name)]));
    const alternatives = Array.from({ length: packed.alternatives[i] ?? 0 }, () => {
      const at = next++;
      const id = packed.alternativeIds[at] ?? -1;
      const logprob = packed.alternativeLogprobs[at] ?? Number.NaN;
      const token = text(packed.alternativeTokens[at]);
      return id < 0 ? { token, logprob } : { token, token_id: id, logprob };
    });
    const flags = packed.forced[i] ?? 0;
    return {
      ...(metrics as Record<MetricName, number>),
      position: packed.positions[i] ?? 0,
      token_id: packed.tokenIds[i] ?? 0,
      token: text(packed.tokens[i]),
      quadrant: QUADRANTS[packed.quadrants[i] ?? 0] ?? null,
      logprob: float("logprob"),
      temperature: orNull("temperature"),
      top_p: orNull("top_p"),
      top_k: orNull("top_k"),
      min_p: orNull("min_p"),
      text: text(packed.texts[i]),
      alternatives,
      ...((flags & 3) === 1 ? { forced: true } : {}),
      ...((flags & 3) === 2 ? { forked: true } : {}),
      ...(flags & 4 ? { drafted: true } : {}),
    };
  });
}
