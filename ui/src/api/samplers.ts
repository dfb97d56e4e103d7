import type { SamplerConfig } from "@/types";

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

export interface Samplers {
  /** Every preset's values by name, "normal" (the plain sampler) included. */
  presets: Record<string, SamplerConfig>;
  schema: JsonSchema;
  defaultName: string;
}

export const PLAIN = "normal";
const PLAIN_FIELDS = ["temperature", "top_p", "top_k", "min_p"] as const;

function named(presets: unknown): Record<string, SamplerConfig> {
  if (!Array.isArray(presets)) return { ...(presets as Record<string, SamplerConfig>) };
  const pairs = presets.map(
    (p: { name?: string; id?: string; config?: SamplerConfig; values?: SamplerConfig }) => [
      p.name ?? p.id ?? "",
      p.config ?? p.values ?? {},
    ],
  );
  return Object.fromEntries(pairs);
}

/** What GET /v1/samplers answered. The plain sampler is added where the server lists the presets alone. */
export function readSamplers(body: unknown): Samplers {
  const answer = (body ?? {}) as Record<string, unknown>;
  const presets = named(answer.presets ?? answer.samplers ?? {});
  const names = Object.keys(presets).filter((name) => name !== PLAIN);
  if (names.length === 0) throw new Error("The server's list of samplers is empty.");
  const asked = answer.default ?? answer.default_sampler;
  const defaultName = typeof asked === "string" && (asked in presets || asked === PLAIN) ? asked : "entropix";
  const first = presets[defaultName] ?? presets[names[0] as string] ?? {};
  if (!presets[PLAIN]) {
    const plain = (answer.normal ?? answer.plain) as SamplerConfig | undefined;
    presets[PLAIN] = plain ?? Object.fromEntries(PLAIN_FIELDS.map((f) => [f, first[f]]));
  }
  return {
    presets,
    schema: (answer.schema ?? answer.json_schema ?? {}) as JsonSchema,
    defaultName: defaultName in presets ? defaultName : (names[0] as string),
  };
}

/** The sampler's part of a request: the preset's name and only what differs from its values. */
export function samplerFields(preset: string, overrides: SamplerConfig): Record<string, unknown> {
  if (Object.keys(overrides).length === 0) return { sampler: preset };
  if (preset !== PLAIN) return { sampler: preset, sampler_config: overrides };
  const known = PLAIN_FIELDS.filter((field) => field in overrides);
  return { sampler: preset, ...Object.fromEntries(known.map((field) => [field, overrides[field]])) };
}
