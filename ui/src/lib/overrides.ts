import type { SamplerConfig } from "@/types";

/** A place in a nested config: ["treading", "temperature_scale"]. */
export type Path = readonly string[];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function equal(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

export function valueAt(config: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), config);
}

/** A copy of `config` with `value` at `path`; undefined removes it, and the objects that this empties. */
export function withValue(config: SamplerConfig, path: Path, value: unknown): SamplerConfig {
  const [key, ...rest] = path;
  if (key === undefined) return config;
  const { [key]: current, ...others } = config;
  if (rest.length === 0) return value === undefined ? others : { ...config, [key]: value };
  const inner = withValue(isObject(current) ? current : {}, rest, value);
  return Object.keys(inner).length === 0 ? others : { ...config, [key]: inner };
}

/** The preset's values with the overrides laid over them. */
export function merge(preset: SamplerConfig, overrides: SamplerConfig): SamplerConfig {
  const merged = { ...preset };
  for (const [key, value] of Object.entries(overrides)) {
    const base = merged[key];
    merged[key] = isObject(base) && isObject(value) ? merge(base, value) : value;
  }
  return merged;
}

/** The parts of `config` that differ from `preset`; what `config` does not mention does not differ. */
export function diff(preset: SamplerConfig, config: SamplerConfig): SamplerConfig {
  const changed: SamplerConfig = {};
  for (const [key, value] of Object.entries(config)) {
    const base = preset[key];
    if (isObject(base) && isObject(value)) {
      const inner = diff(base, value);
      if (Object.keys(inner).length > 0) changed[key] = inner;
    } else if (!equal(base, value)) changed[key] = value;
  }
  return changed;
}

/** How many single values the overrides change. */
export function countChanges(overrides: SamplerConfig): number {
  return Object.values(overrides).reduce<number>((n, v) => n + (isObject(v) ? countChanges(v) : 1), 0);
}
