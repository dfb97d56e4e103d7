import { biasOf } from "@/lib/bias";
import type { SamplerConfig } from "@/types";
import type { Fitted, SamplerList } from "./wire";

/** A JSON Schema, as far as this page reads it. */
export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  allOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  multipleOf?: number;
  properties?: Record<string, JsonSchema>;
}

/** A policy that forks. */
export interface ForkPolicy {
  name: string;
  /** One sentence. */
  description: string;
  defaults: SamplerConfig;
  schema: JsonSchema;
}

export interface Samplers {
  /** Every sampler's values by name, "normal" (the plain sampler) included. */
  presets: Record<string, SamplerConfig>;
  schema: JsonSchema;
  plainSchema: JsonSchema;
  defaultName: string;
  /** Null where no preset was fitted to the loaded model: "auto" then has the published thresholds. */
  fitted: Fitted | null;
  /** The policies that an answer may fork by; none on a server that does not fork. */
  forks: ForkPolicy[];
}

/** The name of the plain sampler. */
export const PLAIN = "normal";

/** The name of the preset that goes by the loaded model. */
export const AUTO = "auto";

/** What GET /v1/samplers answered. Under the default sampler's name stand the values that the server runs it with. */
export function readSamplers(list: SamplerList): Samplers {
  const { default: asked, config, normal, schema, plain_schema, fitted, forks } = list;
  const presets: Record<string, SamplerConfig> = { ...list.presets, [PLAIN]: normal, [asked]: config };
  return { presets, schema, plainSchema: plain_schema, defaultName: asked, fitted, forks };
}

/** The policy's part of a request: its name, and only what differs from its values. */
export function forkFields(forks: { policy: string; overrides: SamplerConfig } | null | undefined): {
  fork?: string | ({ policy: string } & SamplerConfig);
} {
  if (!forks) return {};
  const { policy, overrides } = forks;
  return { fork: Object.keys(overrides).length === 0 ? policy : { policy, ...overrides } };
}

/** The score that a policy compares paths by. */
export function scoreOf(
  policies: readonly ForkPolicy[],
  { policy, overrides }: { policy: string; overrides: SamplerConfig },
): string {
  const defaults = policies.find(({ name }) => name === policy)?.defaults;
  return String(overrides.score ?? defaults?.score ?? "logprob");
}

/** The name that a sampler has on this server: the server's own where it does not know the wanted one. */
export function nameOn(samplers: Samplers | null, wanted: string): string {
  return !samplers || wanted in samplers.presets ? wanted : samplers.defaultName;
}

/** The schema of a sampler's parameters. */
export function schemaOf(samplers: Samplers, name: string): JsonSchema {
  return name === PLAIN ? samplers.plainSchema : samplers.schema;
}

/** The sampler's part of a request: its name and only what differs from its values. */
export function samplerFields(
  preset: string,
  overrides: SamplerConfig,
  biases: readonly string[] = [],
): { sampler: string; sampler_config?: SamplerConfig; logit_bias?: Record<string, number> } {
  return {
    sampler: preset,
    ...(Object.keys(overrides).length > 0 && { sampler_config: overrides }),
    ...(biases.length > 0 && { logit_bias: biasOf(biases) }),
  };
}
