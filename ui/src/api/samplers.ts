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

/** Where the values of "auto" come from: what was measured, on which model, when and by which command. */
export interface Fitted {
  model: string;
  date?: string;
  command?: string;
  /** Of the tokens measured, by quadrant. */
  shares?: Record<string, number>;
  evidence?: string;
}

export interface Samplers {
  /** Every sampler's values by name, "normal" (the plain sampler) included. */
  presets: Record<string, SamplerConfig>;
  schema: JsonSchema;
  plainSchema: JsonSchema;
  defaultName: string;
  /** Null where no preset was fitted to the loaded model: "auto" then has the published thresholds. */
  fitted: Fitted | null;
}

/** The name of the plain sampler. */
export const PLAIN = "normal";

/** The name of the preset that goes by the loaded model. */
export const AUTO = "auto";

interface Body {
  default?: string;
  /** The values of the default sampler, as the server was started with. */
  config?: SamplerConfig;
  presets?: Record<string, SamplerConfig>;
  normal?: SamplerConfig;
  schema?: JsonSchema;
  plain_schema?: JsonSchema;
  fitted?: Fitted | null;
}

/** What GET /v1/samplers answered. Under the default sampler's name stand the values that the server runs it with. */
export function readSamplers(body: unknown): Samplers {
  const {
    default: asked = "",
    config,
    normal,
    schema = {},
    plain_schema,
    fitted = null,
    ...rest
  } = (body ?? {}) as Body;
  const presets = { ...rest.presets };
  if (normal) presets[PLAIN] = normal;
  const defaultName = asked in presets ? asked : Object.keys(presets)[0];
  if (!defaultName) throw new Error("The server's list of samplers is empty.");
  if (config && defaultName === asked) presets[asked] = config;
  return { presets, schema, plainSchema: plain_schema ?? schema, defaultName, fitted };
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
): { sampler: string; sampler_config?: SamplerConfig } {
  if (Object.keys(overrides).length === 0) return { sampler: preset };
  return { sampler: preset, sampler_config: overrides };
}
