import { PLAIN, type Samplers, schemaOf } from "@/api/samplers";
import { diff, merge } from "@/lib/overrides";
import type { SamplerConfig } from "@/types";
import { faultOf, fieldGroups } from "./schema";

/** The text of a config file, as the command line's --sampler_config reads it: every value, indented. */
export function configFile(preset: SamplerConfig, overrides: SamplerConfig): string {
  return `${JSON.stringify(merge(preset, overrides), null, 2)}\n`;
}

function parse(text: string): SamplerConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(
      "This file is not JSON. Choose a file that was exported here or written for --sampler_config.",
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("This file holds no sampler config: it must be one JSON object.");
  return value as SamplerConfig;
}

/** Names of values in `config` that `known` does not have, dotted. */
function unknownNames(config: SamplerConfig, known: SamplerConfig, path = ""): string[] {
  return Object.entries(config).flatMap(([name, value]) => {
    if (!(name in known)) return [path + name];
    const inner = known[name];
    const nested = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    return nested ? unknownNames(value as SamplerConfig, inner as SamplerConfig, `${path}${name}.`) : [];
  });
}

/**
 * A config file as overrides of `preset`. Throws, in one sentence, for text that is not a config, for names that
 * the sampler does not have, and for values out of range; then nothing has changed.
 */
export function readConfigFile(text: string, presetName: string, samplers: Samplers): SamplerConfig {
  const config = parse(text);
  const preset = samplers.presets[presetName] ?? {};
  const unknown = unknownNames(config, preset);
  if (unknown.length > 0) {
    const hint = presetName === PLAIN ? " Choose a preset of the entropy sampler first." : "";
    throw new Error(`The sampler has no parameter named ${unknown.slice(0, 3).join(", ")}.${hint}`);
  }
  const merged = merge(preset, config);
  for (const field of fieldGroups(schemaOf(samplers, presetName), preset).flatMap((group) => group.fields)) {
    const value = field.path.reduce<unknown>((at, key) => (at as SamplerConfig | undefined)?.[key], merged);
    const fault = faultOf(field, value);
    if (fault) throw new Error(`${field.id} is ${JSON.stringify(value)}: ${fault}`);
  }
  return diff(preset, config);
}
